export type { OAuth2Options } from './rest/oauth2.ts'
export { RestCatalog } from './rest/rest-catalog.ts'
export type { RestAuth, RestCatalogOptions } from './rest/rest-connection.ts'
export type { Fetch, RestRetry } from './rest/rest-http.ts'
