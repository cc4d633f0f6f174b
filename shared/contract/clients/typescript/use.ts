// A caller as a person would write it, for `tsc --strict`: it fails when a name or a type of the document is gone.
import type { components, paths, webhooks } from "./plugboard.d.ts";

type Create = paths["/v1/contracts"]["post"];
type Created = Create["responses"][201]["content"]["application/json"];
type Refused = Create["responses"][422]["content"]["application/problem+json"];
type Signed = webhooks["contract.signed"]["post"]["requestBody"]["content"]["application/json"];

export function request(template: string): Create["requestBody"]["content"]["application/json"] {
    return { name: "Order 7", workspace_id: "sales", template_id: template };
}

export function told(answer: Created | Refused): string {
    return "code" in answer ? answer.code : answer.id;
}

export function page(list: components["schemas"]["WebhookPage"]): string[] {
    return list.items.map((webhook: components["schemas"]["Webhook"]) => webhook.url);
}

export function heard(event: Signed): string {
    return event.data.id;
}
