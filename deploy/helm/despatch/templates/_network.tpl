{{/*
A rule of ports, to or from peers. Without peers it holds for all.
Takes (dict "direction" "to"|"from" "peers" <list> "ports" <list of numbers> "protocols" <list>).
*/}}
{{- define "despatch.rule" -}}
{{- $direction := .direction -}}
- ports:
    {{- $protocols := .protocols | default (list "TCP") }}
    {{- range $port := .ports }}
    {{- range $protocols }}
    - {protocol: {{ . }}, port: {{ int $port }}}
    {{- end }}
    {{- end }}
  {{- with .peers }}
  {{ $direction }}: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* DNS, NATS and PostgreSQL, which every process needs. */}}
{{- define "despatch.egressToServers" -}}
{{- with .Values.networkPolicy -}}
{{ include "despatch.rule" (dict "direction" "to" "peers" .dns.peers "ports" .dns.ports "protocols" (list "UDP" "TCP")) }}
{{ include "despatch.rule" (dict "direction" "to" "peers" .nats.peers "ports" .nats.ports) }}
{{ include "despatch.rule" (dict "direction" "to" "peers" .postgres.peers "ports" .postgres.ports) }}
{{- end }}
{{- end }}
