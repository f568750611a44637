/** Where apps are: origins of their own, under the domain that is set for them (docs/apps.md). */
import { type AppHost, appHostName, isLoopback, isUnder, LOCALHOST } from "../../shared/apps/app-host.ts";
import { SkeinError } from "../../shared/errors/errors.ts";
import { SETTINGS } from "../platform/installation-settings.ts";

/** Whether a request comes to the host of an app, be there such an app or not. */
export function isForApps({ hostname }: URL): boolean {
  return isUnder(hostname, SETTINGS.appsDomain);
}

/** The origin of the app's host that a request came to. TLS may end before the API, so the request's own scheme says nothing. */
export function originAt({ host }: URL): string {
  return `${schemeOf(SETTINGS.appsDomain)}://${host.toLowerCase()}`;
}

/** Of an app, as a client of the API reaches it. `request`: the client's URL. @throws SkeinError `apps_domain_missing` */
export function originOf(app: AppHost, request: URL): string {
  const domain = SETTINGS.appsDomain;
  if (domain === "" || (domain === LOCALHOST && !isLoopback(request.hostname))) {
    throw new SkeinError(
      "apps_domain_missing",
      "this API serves no apps to browsers: its operator sets APPS_DOMAIN for that; skein open works without",
    );
  }
  const port = domain === LOCALHOST && request.port !== "" ? `:${request.port}` : "";
  return `${schemeOf(domain)}://${appHostName(app, domain)}${port}`;
}

function schemeOf(domain: string): "http" | "https" {
  return domain === LOCALHOST ? "http" : "https";
}
