{{/* Rules of NetworkPolicies. */}}

{{/* The port at which the ambient mesh takes connections to any port; nothing without it. A list of ports. */}}
{{- define "assay.ports.mesh" -}}
{{- if eq .Values.mesh.mode "ambient" -}}
- {protocol: TCP, port: 15008}
{{- end -}}
{{- end -}}

{{/* To the control plane of the mesh, from whatever holds a proxy of it. */}}
{{- define "assay.egress.mesh" -}}
{{ include "assay.egress" (dict "peers" .Values.mesh.controlPlane "ports" (list 15012)) }}
{{- end -}}

{{/* One egress rule. Argument: peers (empty = anywhere), ports, protocols (by default TCP), mesh (its mode, where the peers
     may belong to it: the ambient mesh turns a connection to any port into one to its own). */}}
{{- define "assay.egress" -}}
{{- $ports := list -}}
{{- range $protocol := .protocols | default (list "TCP") -}}
{{- range $port := $.ports -}}
{{- $ports = append $ports (dict "protocol" $protocol "port" $port) -}}
{{- end -}}
{{- end -}}
{{- if eq (.mesh | default "none") "ambient" -}}
{{- $ports = append $ports (dict "protocol" "TCP" "port" 15008) -}}
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
{{ include "assay.egress" (dict "mesh" .Values.mesh.mode "peers" .Values.networkPolicy.database "ports" (list .Values.database.port)) }}
{{- end -}}

{{/* The brokers are expected on the ports on which they are first asked. */}}
{{- define "assay.egress.kafka" -}}
{{- $ports := list -}}
{{- range splitList "," .Values.kafka.bootstrapServers -}}
{{- $ports = append $ports (splitList ":" (trim .) | last | int) -}}
{{- end -}}
{{ include "assay.egress" (dict "mesh" .Values.mesh.mode "peers" .Values.networkPolicy.kafka "ports" (uniq $ports)) }}
{{- end -}}

{{- define "assay.egress.valkey" -}}
{{ include "assay.egress" (dict "mesh" .Values.mesh.mode "peers" .Values.networkPolicy.valkey "ports" (list .Values.valkey.port)) }}
{{- end -}}

{{- define "assay.egress.objectStore" -}}
{{- if not (hasPrefix "file:" .Values.objectStore.url) -}}
{{ include "assay.egress" (dict "mesh" .Values.mesh.mode "peers" .Values.networkPolicy.objectStore "ports" (list .Values.objectStore.port)) }}
{{- end -}}
{{- end -}}

{{- define "assay.egress.internet" -}}
{{ include "assay.egress" (dict "peers" .Values.networkPolicy.internet "ports" (list 80 443)) }}
{{- end -}}

{{- define "assay.egress.telemetry" -}}
{{- $host := (urlParse .Values.telemetry.otlpEndpoint).host -}}
{{- $port := ternary (splitList ":" $host | last | int) 4317 (contains ":" $host) -}}
{{ include "assay.egress" (dict "mesh" .Values.mesh.mode "peers" .Values.networkPolicy.telemetry "ports" (list $port)) }}
{{- end -}}
