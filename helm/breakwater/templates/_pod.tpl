{{- /* What every pod of the release has in common, hooks and tests too: no rights at all. (dict "root" $ "account" another than the release's own, where wanted) */}}
{{- define "breakwater.podRights" -}}
serviceAccountName: {{ .account | default (include "breakwater.serviceAccountName" .root) }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- $secrets := default .root.Values.image.pullSecrets .root.Values.global.imagePullSecrets }}
{{- with $secrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "breakwater.containerRights" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "breakwater.mounts" -}}
- name: settings
  mountPath: /etc/breakwater/breakwater.yaml
  subPath: breakwater.yaml
  readOnly: true
{{- if (include "breakwater.secretFiles" . | fromYaml).files }}
- name: secrets
  mountPath: /etc/breakwater/secrets
  readOnly: true
{{- end }}
- name: scratch
  mountPath: /tmp
{{- end }}

{{- /* (dict "root" $ "workload" name "config" the ConfigMap's name) */}}
{{- define "breakwater.volumes" -}}
- name: settings
  configMap:
    name: {{ .config }}
{{- with (include "breakwater.secretFiles" . | fromYaml).files }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range . }}
      - secret:
          name: {{ .secretName }}
          items:
            - key: {{ .key }}
              path: {{ .file }}
      {{- end }}
{{- end }}
- name: scratch
  emptyDir:
    sizeLimit: {{ .root.Values.workload.scratchSize }}
{{- end }}

{{- /* One pod that runs a single command and ends. (dict "root" $ "workload" name "config" name "args" list "resources" map "account" as of podRights) */}}
{{- define "breakwater.taskPod" -}}
restartPolicy: Never
{{ include "breakwater.podRights" . }}
containers:
  - name: {{ .workload }}
    image: {{ include "breakwater.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args:
      {{- toYaml .args | nindent 6 }}
    resources:
      {{- toYaml .resources | nindent 6 }}
    securityContext:
      {{- include "breakwater.containerRights" .root | nindent 6 }}
    volumeMounts:
      {{- include "breakwater.mounts" . | nindent 6 }}
volumes:
  {{- include "breakwater.volumes" . | nindent 2 }}
{{- end }}

{{- /* The pod template of a workload. (dict "root" $ "name" workload "values" its values) */}}
{{- define "breakwater.podTemplate" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $scope := dict "root" $root "workload" .name "component" .name "config" (include "breakwater.fullname" $root) -}}
metadata:
  labels:
    {{- include "breakwater.labels" $scope | nindent 4 }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/settings: {{ include "breakwater.settings" $root | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "breakwater.podRights" $scope | nindent 2 }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- if $values.topologySpreadConstraints }}
    {{- toYaml $values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "breakwater.selector" $scope | nindent 10 }}
    {{- end }}
    {{- end }}
  containers:
    - name: breakwater
      image: {{ include "breakwater.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [worker, --role, {{ .name }}, --config, /etc/breakwater/breakwater.yaml]
      {{- $static := $root.Values.workload.staticMembership }}
      {{- if or $static $values.extraEnv }}
      env:
        {{- if $static }}
        - name: BREAKWATER_BROKER__INSTANCE_ID
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        {{- end }}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      {{- with $values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: 8080
      startupProbe:
        httpGet:
          path: /healthz
          port: http
        timeoutSeconds: 3
        {{- toYaml $values.startup | nindent 8 }}
      readinessProbe:
        httpGet:
          path: /readyz
          port: http
        timeoutSeconds: 3
        {{- toYaml $values.readiness | nindent 8 }}
      livenessProbe:
        httpGet:
          path: /healthz
          port: http
        timeoutSeconds: 3
        {{- toYaml $values.liveness | nindent 8 }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        {{- include "breakwater.containerRights" $root | nindent 8 }}
      volumeMounts:
        {{- include "breakwater.mounts" $scope | nindent 8 }}
        - name: state
          mountPath: /var/lib/breakwater
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "breakwater.volumes" $scope | nindent 4 }}
    {{- if not $root.Values.workload.persistence.enabled }}
    - name: state
      emptyDir:
        sizeLimit: {{ $root.Values.workload.scratchSize }}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
