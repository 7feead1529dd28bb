{{/* Which pods belong to the mesh, and how they are reached in it. */}}

{{- define "assay.mesh.on" -}}
{{- if ne .Values.mesh.mode "none" }}true{{ end -}}
{{- end -}}

{{/* Whether requests to the ambient mesh go through a waypoint, Istio's proxy for what concerns requests. */}}
{{- define "assay.mesh.waypoint" -}}
{{- if and (eq .Values.mesh.mode "ambient") .Values.mesh.waypoint.enabled -}}
{{ include "assay.fullname" . }}-waypoint
{{- end -}}
{{- end -}}

{{/* Whether a proxy of the mesh spreads RPCs over the pods: then a Service needs an address of its own. */}}
{{- define "assay.mesh.balances" -}}
{{- if or (eq .Values.mesh.mode "sidecar") (include "assay.mesh.waypoint" .) }}true{{ end -}}
{{- end -}}

{{/* Labels of pods that belong to the mesh. Argument: root. */}}
{{- define "assay.mesh.labels" -}}
{{- if eq .Values.mesh.mode "sidecar" -}}
sidecar.istio.io/inject: "true"
{{- with .Values.mesh.revision }}
istio.io/rev: {{ . }}
{{- end }}
{{- else if eq .Values.mesh.mode "ambient" -}}
istio.io/dataplane-mode: ambient
{{- end -}}
{{- end -}}

{{/* Labels of pods that stay outside: they end (Jobs), carry their own TLS, or speak to nobody inside. Argument: root. */}}
{{- define "assay.mesh.outside" -}}
{{- if include "assay.mesh.on" . -}}
sidecar.istio.io/inject: "false"
istio.io/dataplane-mode: none
{{- end -}}
{{- end -}}

{{/* The ports of a component that are reached from outside the mesh: they take plain connections, and NetworkPolicies say
     whose. Metrics, and the exchange with audit Jobs, which has TLS of its own. Argument: dict of root and component. */}}
{{- define "assay.mesh.plain" -}}
{{- $ports := list (include "assay.port" "ops") -}}
{{- if include "assay.coordinates" . -}}
{{- $ports = append $ports (include "assay.port" "exchange") -}}
{{- end -}}
{{- toYaml $ports -}}
{{- end -}}

{{/* Annotations of a component's pods. Argument: dict of root and component. */}}
{{- define "assay.mesh.annotations" -}}
{{- if eq .root.Values.mesh.mode "sidecar" -}}
# A sidecar that starts before the process and ends after it, so that nothing in flight is lost.
sidecar.istio.io/nativeSidecar: "true"
# Probes and metrics reach the process itself.
sidecar.istio.io/rewriteAppHTTPProbers: "false"
traffic.sidecar.istio.io/excludeInboundPorts: {{ include "assay.mesh.plain" . | fromYamlArray | join "," | quote }}
{{- end -}}
{{- end -}}

{{/* Annotations of a Job's pod that belongs to the mesh: its sidecar ends with it. Argument: root. */}}
{{- define "assay.mesh.annotations.job" -}}
{{- if eq .Values.mesh.mode "sidecar" -}}
sidecar.istio.io/nativeSidecar: "true"
{{- end -}}
{{- end -}}

{{/* The Service by which a component is called. Argument: dict of root and name. */}}
{{- define "assay.mesh.service" -}}
{{ include "assay.component.name" . }}{{ if include "assay.mesh.balances" .root }}-mesh{{ end }}
{{- end -}}

{{- define "assay.mesh.host" -}}
{{ include "assay.mesh.service" . }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.mesh.clusterDomain }}
{{- end -}}

{{/* Identity of a service account. Argument: dict of root and account, or account as namespace/name. */}}
{{- define "assay.mesh.principal" -}}
{{- $account := splitList "/" .account -}}
{{- if eq (len $account) 1 -}}
{{- $account = prepend $account .root.Release.Namespace -}}
{{- end -}}
{{ printf "%s/ns/%s/sa/%s" .root.Values.mesh.trustDomain (first $account) (last $account) }}
{{- end -}}

{{/* The identities of the components that may call one, as a list. Argument: dict of root and component. */}}
{{- define "assay.mesh.callers" -}}
{{- $principals := list -}}
{{- range .component.callers -}}
{{- $account := include "assay.component.name" (dict "root" $.root "name" .) -}}
{{- $principals = append $principals (include "assay.mesh.principal" (dict "root" $.root "account" $account)) -}}
{{- end -}}
{{- toYaml $principals -}}
{{- end -}}

{{/* The component that serves HTTP, if there is one. */}}
{{- define "assay.edge" -}}
{{- range $name, $component := .Values.components -}}
{{- if eq $component.serves "http" -}}{{ $name }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where the mesh finds the keys that verify tokens; empty when nothing can be said. */}}
{{- define "assay.mesh.jwksUri" -}}
{{- $path := "/.well-known/jwks.json" -}}
{{- if .Values.mesh.requestAuthentication.jwksUri -}}
{{- .Values.mesh.requestAuthentication.jwksUri -}}
{{- else if eq (include "assay.mesh.keysInside" .) "true" -}}
{{- $edge := include "assay.edge" . -}}
{{- $service := include "assay.component.name" (dict "root" . "name" $edge) -}}
{{- $port := (get (include "assay.components" . | fromYaml) $edge).service.port -}}
{{ printf "http://%s.%s.svc.%s:%v%s" $service .Release.Namespace .Values.mesh.clusterDomain $port $path }}
{{- else if .Values.publicUrl -}}
{{ trimSuffix "/" .Values.publicUrl }}{{ $path }}
{{- end -}}
{{- end -}}

{{/* Whether the control plane may ask the gateway for the keys: it does so without TLS. */}}
{{- define "assay.mesh.keysInside" -}}
{{- with .Values.mesh -}}
{{- if and (ne .mode "none") (eq .edge "PERMISSIVE") .requestAuthentication.enabled (not .requestAuthentication.jwksUri) -}}
true
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "assay.validate.mesh" -}}
{{- $problems := list -}}
{{- with .Values.mesh -}}
{{- if eq .mode "none" -}}
{{- if or .clients .revision -}}
{{- $problems = append $problems "mesh.clients or mesh.revision is set but mesh.mode is none: set mesh.mode to sidecar or ambient" -}}
{{- end -}}
{{- else -}}
{{- if and .revision (ne .mode "sidecar") -}}
{{- $problems = append $problems "mesh.revision names the control plane that injects sidecars, but mesh.mode is ambient: remove it" -}}
{{- end -}}
{{- if and (include "assay.mesh.balances" $) .requestAuthentication.enabled (not (include "assay.mesh.jwksUri" $)) -}}
{{- $problems = append $problems "mesh.requestAuthentication does not know where the keys are: set publicUrl, or mesh.requestAuthentication.jwksUri to a URL that the mesh's control plane reaches, or mesh.edge to PERMISSIVE, or mesh.requestAuthentication.enabled to false" -}}
{{- end -}}
{{- if include "assay.mesh.balances" $ -}}
{{- range $name, $component := include "assay.components" $ | fromYaml -}}
{{- $service := include "assay.mesh.service" (dict "root" $ "name" $name) -}}
{{- if and (eq $component.serves "grpc") (gt (len $service) 63) -}}
{{- $problems = append $problems (printf "the Service %s has more than 63 characters: set fullnameOverride to a shorter name" $service) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
