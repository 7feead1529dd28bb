{{/* What the Secrets hold that are made from values: for the components, and for the Jobs that run before them. */}}

{{- define "assay.connections" -}}
{{- $data := dict -}}
{{- if not .Values.database.existingSecret -}}
{{- $data = omit (deepCopy .Values.database.passwords) "owner" -}}
{{- end -}}
{{- $data = merge $data (include "assay.connections.kafka" . | fromYaml) -}}
{{- with .Values.valkey -}}
{{- if not .existingSecret -}}
{{- $password := ternary "" (printf ":%s@" (urlquery .password | replace "+" "%20")) (eq .password "") -}}
{{- $trust := ternary "?ssl_ca_certs=/etc/assay/valkey/ca.crt" "" (ne .caSecret "") -}}
{{- $_ := set $data "valkey-url" (printf "%s://%s%s:%v/%v%s" (ternary "rediss" "redis" .tls) $password .host .port .database $trust) -}}
{{- end -}}
{{- end -}}
{{- toYaml $data -}}
{{- end -}}

{{- define "assay.connections.hooks" -}}
{{- $data := dict -}}
{{- if not .Values.database.existingSecret -}}
{{- $_ := set $data "owner" .Values.database.passwords.owner -}}
{{- end -}}
{{- toYaml (merge $data (include "assay.connections.kafka" . | fromYaml)) -}}
{{- end -}}

{{- define "assay.connections.kafka" -}}
{{- $data := dict -}}
{{- with .Values.kafka -}}
{{- if and (hasPrefix "SASL" .securityProtocol) (not .existingSecret) -}}
{{- $data = dict "kafka-username" .username "kafka-password" .password -}}
{{- end -}}
{{- end -}}
{{- toYaml $data -}}
{{- end -}}
