{{- define "portside.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (default .Chart.Name .Values.nameOverride) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (default .Chart.Name .Values.nameOverride) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "portside.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "portside.labels" -}}
{{ include "portside.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: portside
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "portside.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "portside.keysSecret" -}}
{{ default (printf "%s-keys" (include "portside.fullname" .)) .Values.keys.existingSecret }}
{{- end -}}

{{- define "portside.brokerSecret" -}}
{{ default (printf "%s-broker" (include "portside.fullname" .)) .Values.broker.existingSecret }}
{{- end -}}

{{- define "portside.databaseSecret" -}}
{{ default (printf "%s-database" (include "portside.fullname" .)) .Values.database.existingSecret }}
{{- end -}}

{{- define "portside.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Variables of all processes and of one service: a map of maps, the last of which wins. */}}
{{- define "portside.env" -}}
{{- range $name, $value := merge (dict) .own .root.Values.env }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "portside.brokerEnv" -}}
- name: AMQP_URL
  valueFrom: {secretKeyRef: {name: {{ include "portside.brokerSecret" . }}, key: amqp-url}}
- name: PUBLIC_URL
  value: {{ .Values.publicUrl | quote }}
- name: INSTANCE
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end -}}

{{- define "portside.metricsEnv" -}}
{{- if .Values.metrics.enabled }}
- {name: METRICS_PORT, value: {{ .Values.metrics.port | quote }}}
{{- end }}
{{- end -}}

{{- define "portside.databaseEnv" -}}
- name: DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ include "portside.databaseSecret" . }}, key: url}}
{{- end -}}

{{/* One key of the Secret of keys, by file, so that each process holds no more than it needs. */}}
{{- define "portside.keyVolume" -}}
- name: keys
  secret:
    secretName: {{ include "portside.keysSecret" .root }}
    defaultMode: 0440
    items:
      {{- range .keys }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
- name: tmp
  emptyDir: {}
{{- end -}}

{{- define "portside.mounts" -}}
- {name: keys, mountPath: /etc/portside/keys, readOnly: true}
- {name: tmp, mountPath: /tmp}
- {name: home, mountPath: /var/lib/portside}
{{- end -}}

{{- define "portside.podSpec" -}}
serviceAccountName: {{ include "portside.fullname" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .service }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "portside.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .service }}
{{- end }}
{{- end -}}

{{- define "portside.podMetadata" -}}
labels:
  {{- include "portside.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .service }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/urls: {{ printf "%s %s" (toJson .root.Values.broker) (toJson .root.Values.database) | sha256sum }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* The cheap check of the health file that each process without HTTP writes. */}}
{{- define "portside.fileProbes" -}}
startupProbe:
  exec: {command: [python, -S, -m, shared.process.health_check, {{ . }}]}
  periodSeconds: 3
  timeoutSeconds: 5
  failureThreshold: 60
readinessProbe:
  exec: {command: [python, -S, -m, shared.process.health_check, {{ . }}]}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end -}}
