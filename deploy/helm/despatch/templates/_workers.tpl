{{/*
The workers. Every other file of the chart uses this one list.

  handlers  the worker's handlers; each is a consumer of the stream, `<worker>-<handler>`, and a trigger of its scaling
  secrets   the secrets that it needs beyond the two servers, by their names under `secrets`
  calls     the networks that it calls: entries of `networkPolicy.outside`

`deploy/check` compares workers and handlers with the code.
*/}}
{{- define "despatch.catalogue" -}}
gateway:
  handlers: [reread]
  secrets: [gatewayApiKeys, linksSecret, linksFormerSecrets, shippoWebhookTokens, stripeWebhookSecrets]
  calls: []
orders:
  handlers: [accept, pay, give-up, update, add, track, cancel, change-address, refund, collect]
  secrets: []
  calls: []
inventory:
  handlers: [reserve, confirm, expire, release, change, flag-missed, add, ship, receive, adjust, count, restore, transfer, arrive, expect, end-delivery, check-delivery, flag-differing, flag-overdue, set-items, set-location, tell-levels, close-days, check-ledger, tell-low, flag-low]
  secrets: []
  calls: []
payments:
  handlers: [check, capture, change, approve, refund, report, overdue, reconcile, fail, dispute, void]
  secrets: [stripeSecretKey]
  calls: [https]
labels:
  handlers: [create, cancel, learn, void]
  secrets: [shippoToken]
  calls: [https]
notifications:
  handlers: [store-contact, notify, remind-supplier, alert, unsubscribe]
  secrets: [linksSecret, smtpUrl, alertsWebhook]
  calls: [mail, https]
reviews:
  handlers: [ask, remind, receive, stop]
  secrets: [linksSecret]
  calls: []
exceptions:
  handlers: [open, resolve, close-cancelled, advance, monitor, outages]
  secrets: []
  calls: []
{{- end }}

{{/* The environment variable of each secret. natsNkey has none, because it is a file. */}}
{{- define "despatch.variables" -}}
natsUrl: DESPATCH_NATS_URL
databaseUrl: DESPATCH_DATABASE_URL
linksSecret: DESPATCH_LINKS_SECRET
linksFormerSecrets: DESPATCH_LINKS_FORMER_SECRETS
gatewayApiKeys: DESPATCH_GATEWAY_API_KEYS
shippoWebhookTokens: DESPATCH_SHIPPO_WEBHOOK_TOKENS
stripeSecretKey: DESPATCH_STRIPE_SECRET_KEY
stripeWebhookSecrets: DESPATCH_STRIPE_WEBHOOK_SECRETS
shippoToken: DESPATCH_SHIPPO_TOKEN
smtpUrl: DESPATCH_SMTP_URL
alertsWebhook: DESPATCH_ALERTS_WEBHOOK
{{- end }}

{{/*
One worker's settings: `worker`, overridden by `workers.<name>`.
Takes (dict "root" $ "name" <worker>).
*/}}
{{- define "despatch.worker" -}}
{{- $own := get .root.Values.workers .name | default dict -}}
{{- mergeOverwrite (deepCopy .root.Values.worker) $own | toYaml -}}
{{- end }}

{{/* The means of scaling: keda, hpa or none. */}}
{{- define "despatch.scaling" -}}
{{- $mode := .Values.autoscaling.mode -}}
{{- if ne $mode "auto" -}}{{ $mode }}
{{- else if .Capabilities.APIVersions.Has "keda.sh/v1alpha1" -}}keda
{{- else -}}hpa
{{- end -}}
{{- end }}

{{/* The stream's name, with the namespace. */}}
{{- define "despatch.stream" -}}
DESPATCH{{ with .Values.streamNamespace }}_{{ . }}{{ end }}
{{- end }}
