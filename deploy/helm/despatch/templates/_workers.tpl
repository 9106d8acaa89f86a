{{/*
What each worker is: the one list that every other file of the chart goes by.

  handlers  its handlers; each is a consumer of the stream, `<worker>-<handler>`, and a trigger of the worker's scaling
  secrets   what it needs beyond the two servers, by its name under `secrets`
  calls     whom it calls outside: an entry of `networkPolicy.outside`

`deploy/check` holds the workers and handlers against the code.
*/}}
{{- define "despatch.catalogue" -}}
gateway:
  handlers: []
  secrets: [gatewayApiKeys, linksSecret, linksFormerSecrets, shippoWebhookTokens]
  calls: []
orders:
  handlers: [accept, track, cancel]
  secrets: []
  calls: []
inventory:
  handlers: [reserve, confirm, expire, release, ship]
  secrets: []
  calls: []
payments:
  handlers: [capture, refund, void]
  secrets: [stripeSecretKey]
  calls: [https]
labels:
  handlers: [create]
  secrets: [shippoToken]
  calls: [https]
notifications:
  handlers: [store-contact, notify, alert, unsubscribe]
  secrets: [linksSecret, smtpUrl, alertsWebhook]
  calls: [mail, https]
reviews:
  handlers: [ask, remind, receive, stop]
  secrets: [linksSecret]
  calls: []
exceptions:
  handlers: [open, resolve, close-cancelled, advance, monitor]
  secrets: []
  calls: []
{{- end }}

{{/* The environment variable that each secret is read from. natsNkey is none of them: it is a file. */}}
{{- define "despatch.variables" -}}
natsUrl: DESPATCH_NATS_URL
databaseUrl: DESPATCH_DATABASE_URL
linksSecret: DESPATCH_LINKS_SECRET
linksFormerSecrets: DESPATCH_LINKS_FORMER_SECRETS
gatewayApiKeys: DESPATCH_GATEWAY_API_KEYS
shippoWebhookTokens: DESPATCH_SHIPPO_WEBHOOK_TOKENS
stripeSecretKey: DESPATCH_STRIPE_SECRET_KEY
shippoToken: DESPATCH_SHIPPO_TOKEN
smtpUrl: DESPATCH_SMTP_URL
alertsWebhook: DESPATCH_ALERTS_WEBHOOK
{{- end }}

{{/*
One worker's settings: `worker` with what `workers.<name>` says over it.
Takes (dict "root" $ "name" <worker>).
*/}}
{{- define "despatch.worker" -}}
{{- $own := get .root.Values.workers .name | default dict -}}
{{- mergeOverwrite (deepCopy .root.Values.worker) $own | toYaml -}}
{{- end }}

{{/* How workers are scaled: keda, hpa or none. */}}
{{- define "despatch.scaling" -}}
{{- $mode := .Values.autoscaling.mode -}}
{{- if ne $mode "auto" -}}{{ $mode }}
{{- else if .Capabilities.APIVersions.Has "keda.sh/v1alpha1" -}}keda
{{- else -}}hpa
{{- end -}}
{{- end }}

{{/* The stream, and the namespace that goes into its name. */}}
{{- define "despatch.stream" -}}
DESPATCH{{ with .Values.streamNamespace }}_{{ . }}{{ end }}
{{- end }}
