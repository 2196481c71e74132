{{- /* Values that cannot work together are refused here, each with the value's name and the fix. */}}
{{- define "breakwater.refuse" -}}
{{- $root := . -}}
{{- if not (.Values.config.broker).bootstrap -}}
{{- fail "config.broker.bootstrap: name at least one broker, such as [kafka.kafka.svc:9092]" -}}
{{- end -}}
{{- $stateful := eq .Values.workload.kind "StatefulSet" -}}
{{- if and .Values.workload.persistence.enabled (not $stateful) -}}
{{- fail "workload.persistence.enabled: a Deployment's pods have no volumes of their own; set workload.kind: StatefulSet or switch persistence off (state is read back from Kafka)" -}}
{{- end -}}
{{- if and .Values.workload.staticMembership (not $stateful) -}}
{{- fail "workload.staticMembership: a Deployment's pods have new names after every restart; set workload.kind: StatefulSet" -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.name: name the account that is to be used, or let the chart make one by serviceAccount.create: true" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host: name the host of the status page" -}}
{{- end -}}
{{- if and (eq (.Values.config.broker).profile "embedded") true -}}
{{- fail "config.broker.profile: the embedded broker is for the demo and keeps nothing; leave it out" -}}
{{- end -}}
{{- $channels := include "breakwater.channels" . | fromYaml -}}
{{- if and .Values.canary.enabled (not (hasKey $channels .Values.canary.channel)) -}}
{{- fail (printf "canary.channel: %s is none of config.channels (%s)" .Values.canary.channel (keys $channels | sortAlpha | join ", ")) -}}
{{- end -}}
{{- range $what, $kind := dict "podMonitor" "PodMonitor" "rules" "PrometheusRule" -}}
{{- $wanted := index $root.Values.monitoring $what -}}
{{- if and $wanted.enabled (not $wanted.force) (not ($root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind))) (not ($root.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- fail (printf "monitoring.%s.enabled: this cluster has no %s (monitoring.coreos.com/v1); install the Prometheus Operator first, or set monitoring.%s.force: true" $what $kind $what) -}}
{{- end -}}
{{- end -}}
{{- $names := (include "breakwater.workloads" . | fromYaml).names -}}
{{- if not $names -}}
{{- fail "workloads: every workload is switched off; enable at least one" -}}
{{- end -}}
{{- range $name := $names -}}
{{- include "breakwater.refuseWorkload" (dict "root" $root "name" $name) -}}
{{- end -}}
{{- include "breakwater.refuseSecrets" . -}}
{{- end }}

{{- define "breakwater.refuseWorkload" -}}
{{- $name := .name -}}
{{- $values := include "breakwater.workload" . | fromYaml -}}
{{- $scaling := $values.autoscaling -}}
{{- $where := printf "workloads.%s.autoscaling" $name -}}
{{- if ne $scaling.type "none" -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "%s.minReplicas: %d is more than maxReplicas, %d" $where (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $scaling.type "hpa") (not (dig "requests" "cpu" "" $values.resources)) -}}
{{- fail (printf "%s.type: hpa needs workloads.%s.resources.requests.cpu, of which it takes the percentage" $where $name) -}}
{{- end -}}
{{- if eq $scaling.type "keda" -}}
{{- if and (not (.root.Capabilities.APIVersions.Has "keda.sh/v1alpha1")) (not (.root.Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject")) -}}
{{- fail (printf "%s.type: this cluster has no KEDA (keda.sh/v1alpha1); install it first or take hpa" $where) -}}
{{- end -}}
{{- if eq $name "web" -}}
{{- fail (printf "%s.type: the status page reads everything in every pod, so there is no lag to scale on; take hpa" $where) -}}
{{- end -}}
{{- if eq ((.root.Values.config.broker).security).mechanism "OAUTHBEARER" -}}
{{- fail (printf "%s.type: KEDA's log-in by OAUTHBEARER is not set up by this chart; take hpa" $where) -}}
{{- end -}}
{{- /* partitions are assigned by range, topic by topic: the widest topic says how many pods can share */}}
{{- $most := 0 -}}
{{- range (include "breakwater.reads" (dict "root" .root "workload" $name) | fromYaml).reads -}}
{{- $most = max $most (int .partitions) -}}
{{- end -}}
{{- if gt (int $scaling.maxReplicas) (int $most) -}}
{{- fail (printf "%s.maxReplicas: %d is more than the %d partitions that there are to share; the others would stand idle" $where (int $scaling.maxReplicas) (int $most)) -}}
{{- end -}}
{{- end -}}
{{- $budget := $values.disruptionBudget -}}
{{- if and $budget.enabled (not (kindIs "invalid" $budget.minAvailable)) -}}
{{- if not (kindIs "invalid" $budget.maxUnavailable) -}}
{{- fail (printf "workloads.%s.disruptionBudget: give maxUnavailable or minAvailable, not both (set the other to null)" $name) -}}
{{- end -}}
{{- $least := ternary $values.replicas $scaling.minReplicas (eq $scaling.type "none") -}}
{{- if ge (int $budget.minAvailable) (int $least) -}}
{{- fail (printf "workloads.%s.disruptionBudget.minAvailable: %d of %d pods would never let a node be drained" $name (int $budget.minAvailable) (int $least)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* Every credential that the settings name must be given, and go to a workload that reads it. */}}
{{- define "breakwater.refuseSecrets" -}}
{{- $directory := "/etc/breakwater/secrets/" -}}
{{- $named := regexFindAll "_file: \\S+" (toYaml .Values.config) -1 -}}
{{- range $line := $named -}}
{{- $path := regexReplaceAll "_file: \"?([^\"]+)\"?" $line "${1}" -}}
{{- if not (hasPrefix $directory $path) -}}
{{- if not (hasPrefix "/etc/ssl/" $path) -}}
{{- fail (printf "config: the file %s is not mounted; credentials are files in %s, each named in `secrets`" $path $directory) -}}
{{- end -}}
{{- else if not (hasKey $.Values.secrets (trimPrefix $directory $path)) -}}
{{- fail (printf "secrets: config names %s, so give secrets.%s with secretName and key" $path (trimPrefix $directory $path)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* KEDA's own way to the broker's credentials; empty where none are needed. */}}
{{- define "breakwater.kedaCredentials" -}}
{{- $security := (.Values.config.broker).security | default dict -}}
{{- $references := list -}}
{{- range $setting, $parameter := dict "password_file" "password" "ca_file" "ca" "certificate_file" "cert" "key_file" "key" -}}
{{- with (get $security $setting) -}}
{{- $secret := index $.Values.secrets (base .) | default dict -}}
{{- if $secret -}}
{{- $references = append $references (dict "parameter" $parameter "name" $secret.secretName "key" $secret.key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $references -}}
secretTargetRef:
  {{- toYaml $references | nindent 2 }}
{{- end }}
{{- if $security.username }}
configMapTargetRef:
  - parameter: username
    name: {{ include "breakwater.fullname" . }}
    key: kafka-username
{{- end }}
{{- end }}
