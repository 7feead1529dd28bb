{{/* How long the edge waits for the gateway. The gateway keeps to its own deadlines (it is given the same values); a route
     cuts a request off only when that fails, so that clients get the gateway's own answer. */}}

{{- define "assay.route.margin" -}}5{{- end -}}

{{/* Kinds of requests: which paths, and seconds until the route gives up; 0 = never, for what lives long. */}}
{{- define "assay.route.kinds" -}}
{{- $margin := include "assay.route.margin" . | int -}}
{{- with .Values.route.deadlines -}}
- name: live
  seconds: 0
  matches:
    - {path: {type: PathPrefix, value: /ws}}
    - {path: {type: PathPrefix, value: /graphql}}
    - {path: {type: PathPrefix, value: /v1/live}}
- name: uploads
  seconds: {{ add .queueSeconds .uploadSeconds $margin }}
  matches:
    - {path: {type: PathPrefix, value: /v1/repositories}, method: POST}
    - {path: {type: PathPrefix, value: /v1/datasets}, method: POST}
- name: requests
  seconds: {{ add .queueSeconds .requestSeconds $margin }}
  matches:
    - {path: {type: PathPrefix, value: /}}
{{- end -}}
{{- end -}}

{{/* What the gateway is told of it. Argument: root. */}}
{{- define "assay.env.route" -}}
{{- with .Values.route.deadlines -}}
- name: ASSAY_HTTP__QUEUE_SECONDS
  value: {{ .queueSeconds | quote }}
- name: ASSAY_HTTP__DEADLINE_SECONDS
  value: {{ .requestSeconds | quote }}
- name: ASSAY_HTTP__UPLOAD_DEADLINE_SECONDS
  value: {{ .uploadSeconds | quote }}
{{- end }}
{{- $proxies := .Values.route.trustedProxies -}}
{{- if and $proxies (eq .Values.mesh.mode "sidecar") -}}
{{- $proxies = append $proxies "127.0.0.6" -}}  {{/* as which a sidecar hands requests on */}}
{{- end -}}
{{- with $proxies }}
- name: ASSAY_HTTP__TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{- define "assay.validate.route" -}}
{{- $problems := list -}}
{{- with .Values.route -}}
{{- if and (ne .kind "none") (not (include "assay.edge" $)) -}}
{{- $problems = append $problems (printf "route.kind is %s but no component serves http: set it to none" .kind) -}}
{{- end -}}
{{- if and (eq .kind "none") (or .hosts .parentRefs .ingressClassName .tls.secretName) -}}
{{- $problems = append $problems "route.hosts, parentRefs, ingressClassName or tls is set but route.kind is none: set route.kind to HTTPRoute or Ingress" -}}
{{- end -}}
{{- if eq .kind "HTTPRoute" -}}
{{- if not .parentRefs -}}
{{- $problems = append $problems "route.kind is HTTPRoute without a Gateway: set route.parentRefs to its name and namespace" -}}
{{- end -}}
{{- if or .ingressClassName .tls.secretName -}}
{{- $problems = append $problems "route.ingressClassName and route.tls are of an Ingress, but route.kind is HTTPRoute, whose Gateway has the certificate: remove them" -}}
{{- end -}}
{{- end -}}
{{- if eq .kind "Ingress" -}}
{{- if .parentRefs -}}
{{- $problems = append $problems "route.parentRefs names a Gateway but route.kind is Ingress: remove it, or set route.kind to HTTPRoute" -}}
{{- end -}}
{{- if and .tls.secretName (not .hosts) -}}
{{- $problems = append $problems "route.tls.secretName is set without a host that the certificate is for: set route.hosts" -}}
{{- end -}}
{{- end -}}
{{- if lt (int .deadlines.uploadSeconds) (int .deadlines.requestSeconds) -}}
{{- $problems = append $problems "route.deadlines.uploadSeconds is less than requestSeconds: raise it" -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
