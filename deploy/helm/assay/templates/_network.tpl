{{/* Rules of NetworkPolicies. */}}

{{/* One egress rule. Argument: peers (empty = anywhere), ports, protocols (by default TCP). */}}
{{- define "assay.egress" -}}
{{- $ports := list -}}
{{- range $protocol := .protocols | default (list "TCP") -}}
{{- range $port := $.ports -}}
{{- $ports = append $ports (dict "protocol" $protocol "port" $port) -}}
{{- end -}}
{{- end -}}
{{- $rule := dict "ports" $ports -}}
{{- with .peers -}}
{{- $_ := set $rule "to" . -}}
{{- end -}}
{{- toYaml (list $rule) -}}
{{- end -}}

{{- define "assay.egress.dns" -}}
{{ include "assay.egress" (dict "peers" .Values.networkPolicy.dns "ports" (list 53) "protocols" (list "UDP" "TCP")) }}
{{- end -}}

{{- define "assay.egress.database" -}}
{{ include "assay.egress" (dict "peers" .Values.networkPolicy.database "ports" (list .Values.database.port)) }}
{{- end -}}

{{/* The brokers are expected on the ports on which they are first asked. */}}
{{- define "assay.egress.kafka" -}}
{{- $ports := list -}}
{{- range splitList "," .Values.kafka.bootstrapServers -}}
{{- $ports = append $ports (splitList ":" (trim .) | last | int) -}}
{{- end -}}
{{ include "assay.egress" (dict "peers" .Values.networkPolicy.kafka "ports" (uniq $ports)) }}
{{- end -}}

{{- define "assay.egress.valkey" -}}
{{ include "assay.egress" (dict "peers" .Values.networkPolicy.valkey "ports" (list .Values.valkey.port)) }}
{{- end -}}

{{- define "assay.egress.objectStore" -}}
{{- if not (hasPrefix "file:" .Values.objectStore.url) -}}
{{ include "assay.egress" (dict "peers" .Values.networkPolicy.objectStore "ports" (list .Values.objectStore.port)) }}
{{- end -}}
{{- end -}}

{{- define "assay.egress.internet" -}}
{{ include "assay.egress" (dict "peers" .Values.networkPolicy.internet "ports" (list 80 443)) }}
{{- end -}}

{{- define "assay.egress.telemetry" -}}
{{- $host := (urlParse .Values.telemetry.otlpEndpoint).host -}}
{{- $port := ternary (splitList ":" $host | last | int) 4317 (contains ":" $host) -}}
{{ include "assay.egress" (dict "peers" .Values.networkPolicy.telemetry "ports" (list $port)) }}
{{- end -}}
