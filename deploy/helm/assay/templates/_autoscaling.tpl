{{/* Who counts the pods of a component: an HPA, or KEDA (which makes an HPA of its own), never both. */}}

{{/* Whether KEDA scales a component. The argument is a dict of root and component. */}}
{{- define "assay.component.keda" -}}
{{- $wanted := .root.Values.autoscaling.keda | toString -}}
{{- if eq $wanted "auto" -}}
{{- $wanted = .root.Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject" | toString -}}
{{- end -}}
{{- if and (eq $wanted "true") .component.autoscaling.enabled .component.autoscaling.lagPerReplica .component.consumes -}}
true
{{- end -}}
{{- end -}}

{{/* How fast pods come and go. Argument: autoscaling. */}}
{{- define "assay.autoscaling.behavior" -}}
scaleUp:
  stabilizationWindowSeconds: {{ .scaleUpSeconds }}
  selectPolicy: Max
  policies:
    {{- toYaml .scaleUpPolicies | nindent 4 }}
scaleDown:
  stabilizationWindowSeconds: {{ .scaleDownSeconds }}
  policies:
    {{- toYaml .scaleDownPolicies | nindent 4 }}
{{- end -}}

{{/* KEDA's TriggerAuthentication: there is one when Kafka wants credentials or has certificates of its own. */}}
{{- define "assay.keda.authentication" -}}
{{- if or (hasPrefix "SASL" .Values.kafka.securityProtocol) .Values.kafka.caSecret -}}
{{ include "assay.fullname" . }}-kafka
{{- end -}}
{{- end -}}

{{/* How KEDA signs in to Kafka: its words for what kafka.securityProtocol and kafka.saslMechanism say. */}}
{{- define "assay.keda.connection" -}}
bootstrapServers: {{ .Values.kafka.bootstrapServers | replace " " "" | quote }}
{{- if hasSuffix "SSL" .Values.kafka.securityProtocol }}
tls: enable
{{- end }}
{{- if hasPrefix "SASL" .Values.kafka.securityProtocol }}
sasl: {{ get (dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512") .Values.kafka.saslMechanism }}
{{- end }}
{{- end -}}

{{/* What waits for the component, a trigger a topic. The argument is a dict of root and component. */}}
{{- define "assay.keda.triggers" -}}
{{- $namespace := .root.Values.kafka.namespace -}}
{{- $authentication := include "assay.keda.authentication" .root -}}
{{- range $topic, $partitions := .component.consumes.topics }}
- type: kafka
  name: {{ replace "." "-" $topic }}
  metricType: AverageValue
  metadata:
    {{- include "assay.keda.connection" $.root | nindent 4 }}
    topic: {{ printf "%s%s" $namespace $topic | quote }}
    consumerGroup: {{ printf "%s%s" $namespace $.component.consumes.group | quote }}
    lagThreshold: {{ $.component.autoscaling.lagPerReplica | toString | quote }}
    offsetResetPolicy: earliest  # as the components have it: for a new group all of the topic waits
  {{- with $authentication }}
  authenticationRef:
    name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "assay.validate.autoscaling" -}}
{{- $problems := list -}}
{{- range $name, $component := include "assay.components" . | fromYaml -}}
{{- $at := printf "components.%s" $name -}}
{{- $most := ternary $component.autoscaling.maxReplicas $component.replicas $component.autoscaling.enabled | int -}}
{{- with $component.autoscaling -}}
{{- if and .enabled .lagPerReplica (not $component.consumes) -}}
{{- $problems = append $problems (printf "%s.autoscaling.lagPerReplica is set but it consumes nothing: set %s.consumes to its group and topics, or lagPerReplica to 0" $at $at) -}}
{{- end -}}
{{- if and .enabled (eq (int .minReplicas) 0) -}}
{{- if ne $component.serves "none" -}}
{{- $problems = append $problems (printf "%s.autoscaling.minReplicas is 0 but it serves %s, and nobody would answer: set it to 1 or more" $at $component.serves) -}}
{{- else if not (include "assay.component.keda" (dict "root" $ "component" $component)) -}}
{{- $problems = append $problems (printf "%s.autoscaling.minReplicas is 0 and only KEDA can start the first pod: install KEDA and set autoscaling.keda to true and %s.autoscaling.lagPerReplica, or set minReplicas to 1" $at $at) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $component.consumes -}}
{{- if not (has "kafka" $component.needs) -}}
{{- $problems = append $problems (printf "%s consumes topics but does not need Kafka: add kafka to %s.needs" $at $at) -}}
{{- end -}}
{{- $partitions := 0 -}}
{{- range .topics -}}
{{- $partitions = add $partitions . -}}
{{- end -}}
{{- if and (eq $component.serves "none") (gt $most (int $partitions)) -}}
{{- $problems = append $problems (printf "%s may have %d pods but its topics have %d partitions, and a partition is read by one pod: lower %s, or add partitions and say so in %s.consumes" $at $most $partitions (ternary "autoscaling.maxReplicas" "replicas" $component.autoscaling.enabled) $at) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
