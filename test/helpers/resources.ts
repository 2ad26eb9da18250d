/** Cache entries as they are made of what a lookup finds. */
import type { FoundVariant } from '../../src/files/found.js';
import { type FileResource, type Findable, type Resource, ResourceMaker } from '../../src/files/resource.js';
import { ResponseRules, type ResponseSettings } from '../../src/files/response-rules.js';
import { foundFile, MODIFIED_MS } from './fake-tasks.js';

export function make(found: Findable, settings: Partial<ResponseSettings> = {}, compress = true): Resource {
  const rules = new ResponseRules({ cacheControl: [], headers: [], cors: [], ...settings });
  return new ResourceMaker(rules, compress).make(found, Buffer.from('/key'), 7, MODIFIED_MS + 1000);
}

export function makeFile(
  urlPath: string,
  text: string,
  sidecars: readonly FoundVariant[] = [],
  compress = true,
): FileResource {
  const found = foundFile(urlPath, text);
  return make({ ...found, variants: [...found.variants, ...sidecars] }, {}, compress) as FileResource;
}
