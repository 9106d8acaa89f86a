{{/* The security context of every pod. */}}
{{- define "despatch.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# Files of Secrets belong to root, and the group may read them.
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "despatch.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/*
Secrets as they are for one worker, or for the Job, which is called `migrate`: its own over everybody's, and its name in the
place of `{worker}`. Takes (dict "root" $ "name" <worker> "own" <secrets of this worker alone>).
*/}}
{{- define "despatch.secrets" -}}
{{- $name := .name -}}
{{- $found := dict -}}
{{- range $which, $secret := mergeOverwrite (deepCopy .root.Values.secrets) (.own | default dict) }}
{{- if $secret.name }}
{{- $found = set $found $which (dict "name" ($secret.name | replace "{worker}" $name) "key" $secret.key) }}
{{- end }}
{{- end }}
{{- toYaml $found }}
{{- end }}

{{/*
Variables that come from secrets. A secret that is not named is left out: the process says which key it misses.
Takes (dict "names" <list> "secrets" <what despatch.secrets found>).
*/}}
{{- define "despatch.secretVariables" -}}
{{- $variables := include "despatch.variables" . | fromYaml -}}
{{- $secrets := .secrets -}}
{{- range $which := .names }}
{{- with get $secrets $which }}
- name: {{ get $variables $which }}
  valueFrom:
    secretKeyRef: {name: {{ .name | quote }}, key: {{ .key | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Variables that every process has, workers and the Job. Takes (dict "root" $ "nkey" <Secret with the seed, or nothing>). */}}
{{- define "despatch.commonVariables" -}}
- name: DESPATCH_CONFIG
  value: /etc/despatch/config/despatch.toml
- name: DESPATCH_LOG_FORMAT
  value: {{ .root.Values.log.format }}
- name: RUST_LOG
  value: {{ .root.Values.log.filter | quote }}
# Always set, even if empty, because the triggers name the stream by the same value.
- name: DESPATCH_RUNTIME_NAMESPACE
  value: {{ .root.Values.streamNamespace | quote }}
{{- if .nkey }}
- name: DESPATCH_NATS_NKEY_FILE
  value: /etc/despatch/identity/nkey.seed
{{- end }}
{{- if include "despatch.hasBundle" .root }}
- name: SSL_CERT_FILE
  value: /etc/despatch/trust/ca.crt
{{- end }}
{{- end }}

{{/* Whether there is a bundle of trusted certificates. Takes the root. */}}
{{- define "despatch.hasBundle" -}}
{{- with .Values.caBundle -}}
{{- if and .secret .configMap }}{{ fail "caBundle: a secret or a configMap, not both" }}{{ end -}}
{{- if or .secret .configMap }}true{{ end -}}
{{- end -}}
{{- end }}

{{/*
The configuration, the seed and the bundle.
Takes (dict "root" $ "nkey" <…> "config" <Secret with the configuration, or nothing> "configMap" <name>).
*/}}
{{- define "despatch.volumes" -}}
- name: config
  {{- if and .config .config.name }}
  secret:
    secretName: {{ .config.name | quote }}
    items: [{key: {{ .config.key | quote }}, path: despatch.toml}]
  {{- else }}
  configMap: {name: {{ .configMap }}}
  {{- end }}
{{- with .nkey }}
- name: identity
  secret:
    secretName: {{ .name | quote }}
    defaultMode: 0440
    items: [{key: {{ .key | quote }}, path: nkey.seed}]
{{- end }}
{{- if include "despatch.hasBundle" .root }}
{{- with .root.Values.caBundle }}
- name: trust
  {{- if .secret }}
  secret:
    secretName: {{ .secret | quote }}
  {{- else }}
  configMap:
    name: {{ .configMap | quote }}
  {{- end }}
    items: [{key: {{ .key | quote }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}

{{/* Takes (dict "root" $ "nkey" <…>). */}}
{{- define "despatch.volumeMounts" -}}
- {name: config, mountPath: /etc/despatch/config, readOnly: true}
{{- if .nkey }}
- {name: identity, mountPath: /etc/despatch/identity, readOnly: true}
{{- end }}
{{- if include "despatch.hasBundle" .root }}
- {name: trust, mountPath: /etc/despatch/trust, readOnly: true}
{{- end }}
{{- end }}
