{{/* Whether monitoring of a kind is to be made. Argument: root, wanted (auto, true or false). */}}
{{- define "assay.monitoring.wanted" -}}
{{- if eq (toString .wanted) "true" -}}
true
{{- else if and (eq (toString .wanted) "auto") (.root.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}
true
{{- end -}}
{{- end -}}

{{/* The `job` of all series of the release. */}}
{{- define "assay.monitoring.job" -}}
{{ include "assay.fullname" . }}
{{- end -}}

{{/* A query of the files under monitoring/, narrowed to this release. Argument: root, query. */}}
{{- define "assay.monitoring.query" -}}
{{- $namespace := printf "namespace=%q" .root.Release.Namespace -}}
{{- $job := printf "job=%q,%s" (include "assay.monitoring.job" .root) $namespace -}}
{{- $name := include "assay.fullname" .root -}}
{{- .query
      | replace `namespace="assay"` $namespace
      | replace `job="assay"` $job
      | replace `"assay-` (printf `"%s-` $name) -}}
{{- end -}}

{{- define "assay.validate.monitoring" -}}
{{- $problems := list -}}
{{- if and (eq (toString .Values.monitoring.podMonitors.enabled) "true") .Values.networkPolicy.enabled (not .Values.networkPolicy.monitoring) -}}
{{- $problems = append $problems "monitoring.podMonitors.enabled is true but networkPolicy.monitoring lets nobody read /metrics: set it to a peer that is your Prometheus, for instance its namespace" -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
