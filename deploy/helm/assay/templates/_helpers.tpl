{{/* Names, labels and the merged components. */}}

{{- define "assay.fullname" -}}
{{- include "assay.standalone.fill" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name -}}
{{- end -}}
{{- end -}}

{{/* What selects all pods of the release. */}}
{{- define "assay.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "assay.labels" -}}
{{ include "assay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: assay
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The components with the defaults under them, and their canaries, as YAML: name → component. */}}
{{- define "assay.components" -}}
{{- include "assay.standalone.fill" . -}}
{{- $merged := dict -}}
{{- range $name, $component := .Values.components -}}
{{- $_ := set $merged $name (mustMergeOverwrite (deepCopy $.Values.defaults) (deepCopy $component)) -}}
{{- end -}}
{{- include "assay.canary.added" (dict "root" . "components" $merged) -}}
{{- end -}}

{{/* In the following, the argument is a dict of root, name and component. */}}

{{- define "assay.component.name" -}}
{{ include "assay.fullname" .root }}-{{ .name }}
{{- end -}}

{{- define "assay.component.selector" -}}
{{ include "assay.selector" .root }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "assay.component.labels" -}}
{{ include "assay.labels" .root }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "assay.component.image" -}}
{{- $image := .component.image -}}
{{- $name := ternary (printf "%s/%s" .root.Values.image.registry $image.repository) $image.repository (ne .root.Values.image.registry "") -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $name $image.digest }}
{{- else -}}
{{ printf "%s:%s" $name ($image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion) }}
{{- end -}}
{{- end -}}

{{/* Components that own a schema: they migrate it. */}}
{{- define "assay.component.migrates" -}}
{{- if and .component.schema (eq .component.role "serve") (not .component.canaryOf) }}true{{ end -}}
{{- end -}}

{{- define "assay.port" -}}
{{- get (dict "http" 8080 "grpc" 50051 "ops" 9090 "exchange" 8443) . -}}
{{- end -}}

{{/* The names of the Secrets, whoever made them. */}}
{{- define "assay.secret.connections" -}}{{ include "assay.fullname" . }}-connections{{- end -}}
{{- define "assay.secret.hooks" -}}{{ include "assay.fullname" . }}-hooks{{- end -}}
{{- define "assay.secret.keys" -}}
{{- .Values.keys.existingSecret | default (printf "%s-keys" (include "assay.fullname" .)) -}}
{{- end -}}
