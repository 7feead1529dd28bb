{{/* A second release beside the first, as a lane of its own: what enters it at the edge stays in it.

     Each of its components is one more entry of the components, so that everything that an entry has (Deployment,
     Service, account, autoscaler, policies) follows by itself. `canaryOf` names the component that it stands beside. */}}

{{/* The names of the components that have a canary. Argument: dict of root and components. */}}
{{- define "assay.canary.names" -}}
{{- $names := list -}}
{{- if .root.Values.canary.enabled -}}
{{- range $name, $component := .components -}}
{{- if or (has $name $.root.Values.canary.components) (and (not $.root.Values.canary.components) (ne $component.serves "none")) -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $names -}}
{{- end -}}

{{/* The components with their canaries. Argument: dict of root and components. */}}
{{- define "assay.canary.added" -}}
{{- $canary := .root.Values.canary -}}
{{- $names := include "assay.canary.names" . | fromYamlArray -}}
{{- $all := dict -}}
{{- range $name, $component := .components -}}
{{- $inside := list -}}
{{- $outside := list -}}
{{- range $caller := $component.callers -}}
{{- if has $caller $names -}}
{{- $inside = append $inside (printf "%s-canary" $caller) -}}
{{- end -}}
{{- end -}}
{{- if has $name $names -}}
{{- $entry := mustMergeOverwrite (deepCopy $component) (dict
      "canaryOf" $name
      "callers" $inside
      "image" (dict "tag" $canary.tag "digest" "")
      "replicas" $canary.minReplicas
      "autoscaling" (dict "minReplicas" $canary.minReplicas "lagPerReplica" 0)) -}}
{{- $_ := set $entry "service" (dict "type" "ClusterIP" "port" $component.service.port "annotations" dict) -}}
{{- $_ := set $all (printf "%s-canary" $name) $entry -}}
{{- else -}}
{{- $outside = $inside -}}
{{- end -}}
{{- $_ := set $all $name (mustMergeOverwrite (deepCopy $component) (dict "callers" (concat $component.callers $outside))) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{- define "assay.validate.canary" -}}
{{- $problems := list -}}
{{- with .Values.canary -}}
{{- if .enabled -}}
{{- $components := $.Values.components -}}
{{- $names := include "assay.canary.names" (dict "root" $ "components" $components) | fromYamlArray -}}
{{- if not .tag -}}
{{- $problems = append $problems "canary.enabled is true without a release to try: set canary.tag to the tag of its images" -}}
{{- end -}}
{{- if ne $.Values.route.kind "HTTPRoute" -}}
{{- $problems = append $problems "canary.enabled is true but only an HTTPRoute can share requests by weight: set route.kind to HTTPRoute" -}}
{{- end -}}
{{- if not (has (include "assay.edge" $) $names) -}}
{{- $problems = append $problems (printf "canary.components has no %s, so nothing would reach the canary: add it" (include "assay.edge" $ | default "component that serves http")) -}}
{{- end -}}
{{- range $name := .components -}}
{{- $component := get $components $name -}}
{{- if not $component -}}
{{- $problems = append $problems (printf "canary.components names %s, which is no component: remove it" $name) -}}
{{- else if eq $component.serves "none" -}}
{{- $problems = append $problems (printf "canary.components names %s, which serves nobody: its share of the work follows from Kafka's partitions, not from a weight: remove it" $name) -}}
{{- else if $component.callers -}}
{{- $called := false -}}
{{- range $component.callers -}}
{{- $called = or $called (has . $names) -}}
{{- end -}}
{{- if not $called -}}
{{- $problems = append $problems (printf "canary.components names %s, but none of its callers (%s): add one, or remove it" $name (join ", " $component.callers)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $names -}}
{{- $object := printf "%s-canary%s" (include "assay.component.name" (dict "root" $ "name" .)) (ternary "-mesh" "" (ne (include "assay.mesh.balances" $) "")) -}}
{{- if gt (len $object) 63 -}}
{{- $problems = append $problems (printf "the canary's name %s has more than 63 characters: set fullnameOverride to a shorter name" $object) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
