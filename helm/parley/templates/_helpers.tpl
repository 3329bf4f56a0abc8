{{/* Names and pieces that the subcharts use too: Helm shares named templates within a release. */}}
{{- define "parley.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: parley
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}
{{- define "parley.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}
{{- define "parley.image" -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end }}
{{- define "parley.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}
{{- define "parley.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
{{- define "parley.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels: {{- include "parley.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end }}
{{- define "parley.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels: {{- include "parley.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "parley.selector" . | nindent 6 }}
{{- end }}
{{/* Spread over nodes and zones where there are several; on one node everything still runs. */}}
{{- define "parley.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "parley.selector" $ | nindent 8 }}
  {{- end }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "parley.selector" . | nindent 14 }}
{{- end }}
{{/* A generated value that an upgrade finds again. */}}
{{- define "parley.kept" -}}
{{- $old := dict -}}
{{- if .root.Values.global.lookup -}}
{{- $old = lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- end -}}
{{- if and $old $old.data (index $old.data .key) -}}
{{ index $old.data .key }}
{{- else -}}
{{ randAlphaNum 32 | b64enc }}
{{- end -}}
{{- end }}
{{/* Arguments: root, server (postgresql, redis, rabbitmq), variable, scheme, user, port, path. */}}
{{- define "parley.serverUrl" -}}
{{- $own := index .root.Values .server -}}
{{- $external := index .root.Values.external .server -}}
{{- if $own.enabled -}}
- name: {{ .variable | replace "_URL" "_PASSWORD" }}
  valueFrom:
    secretKeyRef:
      name: {{ $own.auth.existingSecret | default (printf "%s-%s" .root.Release.Name .server) }}
      key: password
- name: {{ .variable }}
  value: {{ printf "%s://%s:$(%s)@%s-%s:%v%s" .scheme .user (.variable | replace "_URL" "_PASSWORD") .root.Release.Name .server .port .path | quote }}
{{- else -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ $external.existingSecret | default (printf "%s-external" .root.Release.Name) }}
      key: {{ if $external.existingSecret }}{{ $external.key }}{{ else }}{{ .server }}{{ end }}
{{- end -}}
{{- end }}
{{- define "parley.brokerAndRedis" -}}
{{ include "parley.serverUrl" (dict "root" . "server" "redis" "variable" "REDIS_URL" "scheme" "redis" "user" "" "port" 6379 "path" "/0") }}
{{ include "parley.serverUrl" (dict "root" . "server" "rabbitmq" "variable" "RABBITMQ_URL" "scheme" "amqp" "user" "parley" "port" 5672 "path" "/parley") }}
{{- end }}
{{/* Whether the fake Gemini stands in for keys that are not there yet. */}}
{{- define "parley.fake" -}}
{{- if and .Values.fakeGemini.enabled (not .Values.gemini.keys) (not .Values.gemini.existingSecret) (not .Values.gemini.baseUrl) }}true{{ end -}}
{{- end }}
{{- define "parley.perMinute" -}}
{{ if include "parley.fake" . }}{{ .Values.fakeGemini.perMinute }}{{ else }}{{ .Values.gemini.maxPerMinute }}{{ end }}
{{- end }}
{{- define "parley.scaling" -}}
{{- $known := or .Values.rabbitmq.enabled .Values.external.rabbitmq.managementUrl -}}
{{- if ne .Values.geminiWorker.scaling "auto" }}{{ .Values.geminiWorker.scaling }}
{{- else if and $known (.Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject") }}keda
{{- else }}fixed{{ end -}}
{{- end }}
{{/* As many workers as the keys can keep busy: calls a minute x seconds of a call / 60 run at once, prefetch of them in one worker. */}}
{{- define "parley.maxWorkers" -}}
{{- $w := .Values.geminiWorker -}}
{{- if $w.maxReplicas -}}{{ int $w.maxReplicas }}
{{- else -}}
{{- $atOnce := divf (mulf (ternary 1 .Values.gemini.quotaGroups (eq (include "parley.fake" .) "true") | int) (include "parley.perMinute" . | int) ($w.secondsPerCall | int)) 60.0 -}}
{{ max 1 (ceil (divf $atOnce (float64 $w.prefetch)) | int) }}
{{- end -}}
{{- end }}
{{- define "parley.probes" -}}
startupProbe:
  httpGet: { path: /health/started, port: observe }
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: {{ .startup }}
readinessProbe:
  httpGet: { path: /health/ready, port: observe }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /health/live, port: observe }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}
