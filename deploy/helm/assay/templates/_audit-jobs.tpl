{{/* An audit's engines in a Job of their own: what the coordinator is told, and the Job that it makes. */}}

{{/* Whether a component coordinates Jobs. Argument: dict of root and component. */}}
{{- define "assay.coordinates" -}}
{{- if and (eq (get .component "coordinates" | toString) "jobs") .root.Values.auditJobs.enabled }}true{{ end -}}
{{- end -}}

{{/* In the following, the argument is a dict of root, name and component: those of the coordinator. */}}

{{/* Names of pods, which are longer by a Job's own ending, have at most 63 characters. */}}
{{- define "assay.jobs.name" -}}
{{ include "assay.component.name" . | trunc 42 | trimSuffix "-" }}-job
{{- end -}}

{{/* Other than the rest's, so that no policy that lets the rest out (to DNS, say) lets Jobs out too. */}}
{{- define "assay.jobs.selector" -}}
app.kubernetes.io/name: assay-audit-job
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}-job
{{- end -}}

{{- define "assay.jobs.labels" -}}
{{ include "assay.jobs.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: assay
app.kubernetes.io/managed-by: {{ include "assay.component.name" . }}
{{- end -}}

{{- define "assay.jobs.template" -}}
{{- $jobs := .root.Values.auditJobs -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "assay.jobs.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "assay.jobs.labels" . | nindent 4 }}
spec:
  # A pod that fails is replaced by another Job of the coordinator's: it has to hear of it, and a token works once.
  backoffLimit: 0
  activeDeadlineSeconds: {{ $jobs.deadlineSeconds }}
  ttlSecondsAfterFinished: {{ $jobs.ttlSeconds }}
  template:
    metadata:
      labels:
        {{- include "assay.jobs.labels" . | nindent 8 }}
        {{- with include "assay.mesh.outside" .root }}
        {{- . | nindent 8 }}
        {{- end }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ include "assay.jobs.name" . }}
      {{- include "assay.pod.security" .root | nindent 6 }}
      terminationGracePeriodSeconds: 5
      # It looks up no name: it is told an address.
      dnsPolicy: None
      dnsConfig:
        nameservers: [127.0.0.1]
      containers:
        - name: engines
          image: {{ include "assay.component.image" . | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [{{ printf "%s.job" .component.module | quote }}]
          env:
            - name: ASSAY_LOG__LEVEL
              value: {{ .root.Values.log.level }}
          resources:
            {{- toYaml $jobs.resources | nindent 12 }}
          {{- include "assay.container.security" .root | nindent 10 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: {{ $jobs.scratch }}
      {{- range $field := list "nodeSelector" "tolerations" }}
      {{- with get $jobs $field }}
      {{ $field }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      {{- range $field := list "runtimeClassName" "priorityClassName" }}
      {{- with get $jobs $field }}
      {{ $field }}: {{ . }}
      {{- end }}
      {{- end }}
{{- end -}}

{{- define "assay.env.jobs" -}}
- name: ASSAY_JOBS__TEMPLATE
  value: {{ include "assay.jobs.template" . | fromYaml | toJson | quote }}
- name: ASSAY_JOBS__LISTEN
  value: 0.0.0.0:{{ include "assay.port" "exchange" }}
- name: ASSAY_JOBS__ADDRESS
  valueFrom:
    fieldRef: {fieldPath: status.podIP}
- name: ASSAY_JOBS__POD_NAME
  valueFrom:
    fieldRef: {fieldPath: metadata.name}
- name: ASSAY_JOBS__POD_UID
  valueFrom:
    fieldRef: {fieldPath: metadata.uid}
- name: ASSAY_JOBS__PROCESSES
  value: {{ .root.Values.auditJobs.processes | quote }}
- name: ASSAY_JOBS__START_SECONDS
  value: {{ .root.Values.auditJobs.startSeconds | quote }}
{{- end -}}

{{- define "assay.validate.auditJobs" -}}
{{- $problems := list -}}
{{- with .Values.auditJobs -}}
{{- if and .enabled (ge (int .startSeconds) (int .deadlineSeconds)) -}}
{{- $problems = append $problems (printf "auditJobs.startSeconds %v is not less than deadlineSeconds %v, which counts from the same moment: raise auditJobs.deadlineSeconds" .startSeconds .deadlineSeconds) -}}
{{- end -}}
{{- end -}}
{{- range $name, $component := .Values.components -}}
{{- if and $component.coordinates (ne $component.role "work") -}}
{{- $problems = append $problems (printf "components.%s.coordinates is set but its role is %s: only a worker coordinates Jobs, remove it" $name $component.role) -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}
