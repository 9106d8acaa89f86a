{{/* The pod's part of what keeps a container from doing more than it has to. */}}
{{- define "despatch.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# Files of secrets belong to root; the group may read them.
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "despatch.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/*
Variables that come from secrets. A secret that is not named is left out: the process says which key it misses.
Takes (dict "root" $ "names" <list> "own" <secrets of this worker alone>).
*/}}
{{- define "despatch.secretVariables" -}}
{{- $variables := include "despatch.variables" . | fromYaml -}}
{{- $secrets := mergeOverwrite (deepCopy .root.Values.secrets) (.own | default dict) -}}
{{- range .names }}
{{- $secret := get $secrets . }}
{{- if and $secret $secret.name }}
- name: {{ get $variables . }}
  valueFrom:
    secretKeyRef: {name: {{ $secret.name | quote }}, key: {{ $secret.key | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Variables that every process has, workers and the Job. Takes (dict "root" $ "files" <files of secrets>). */}}
{{- define "despatch.commonVariables" -}}
- name: DESPATCH_CONFIG
  value: /etc/despatch/config/despatch.toml
- name: DESPATCH_LOG_FORMAT
  value: {{ .root.Values.log.format }}
- name: RUST_LOG
  value: {{ .root.Values.log.filter | quote }}
# Here alone, empty or not: the triggers name the stream by the same value.
- name: DESPATCH_RUNTIME_NAMESPACE
  value: {{ .root.Values.streamNamespace | quote }}
{{- $variables := include "despatch.fileVariables" . | fromYaml }}
{{- range $file, $secret := .files }}
{{- if $secret.name }}
- name: {{ get $variables $file }}
  value: /etc/despatch/files/{{ $file }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The configuration and the files of secrets.
Takes (dict "root" $ "files" <…> "config" <Secret with the configuration, or nothing> "configMap" <name>).
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
{{- $sources := list }}
{{- range $file, $secret := .files }}
{{- if $secret.name }}
{{- $items := list (dict "key" $secret.key "path" $file) }}
{{- $sources = append $sources (dict "secret" (dict "name" $secret.name "items" $items)) }}
{{- end }}
{{- end }}
{{- if $sources }}
- name: files
  projected:
    defaultMode: 0440
    sources: {{- toYaml $sources | nindent 6 }}
{{- end }}
{{- end }}

{{- define "despatch.volumeMounts" -}}
- {name: config, mountPath: /etc/despatch/config, readOnly: true}
{{- $any := false }}
{{- range $file, $secret := .files }}
{{- $any = or $any $secret.name }}
{{- end }}
{{- if $any }}
- {name: files, mountPath: /etc/despatch/files, readOnly: true}
{{- end }}
{{- end }}
