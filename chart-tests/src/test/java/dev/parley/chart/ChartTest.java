package dev.parley.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.marcnuri.helm.LintResult;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ChartTest {
    private static final BigDecimal GIB = new BigDecimal(1L << 30);

    @TempDir
    private Path folder;

    static List<Path> valueSets() {
        return Chart.valueSets();
    }

    @ParameterizedTest
    @MethodSource("valueSets")
    void everyValueSetPassesTheStrictLinter(Path values) throws IOException {
        LintResult result = Chart.lint(values, folder);
        assertThat(result.isFailed()).as("%s", result.getMessages()).isFalse();
    }

    @ParameterizedTest
    @MethodSource("valueSets")
    void everyPodIsRestrictedAndHasNoToken(Path values) {
        for (JsonNode workload : Chart.workloads(Chart.render(values))) {
            JsonNode pod = workload.at("/spec/template/spec");
            String name = workload.at("/metadata/name").asText();
            assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean())
                    .as(name)
                    .isTrue();
            assertThat(pod.at("/securityContext/seccompProfile/type").asText()).isEqualTo("RuntimeDefault");
            assertThat(pod.path("automountServiceAccountToken").asBoolean(true))
                    .as(name)
                    .isFalse();
            assertThat(pod.path("serviceAccountName").asText()).isEqualTo(name);
            Chart.containers(workload).forEach(container -> {
                JsonNode security = container.path("securityContext");
                assertThat(security.path("readOnlyRootFilesystem").asBoolean())
                        .as(name)
                        .isTrue();
                assertThat(security.path("allowPrivilegeEscalation").asBoolean(true))
                        .as(name)
                        .isFalse();
                assertThat(security.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
                assertThat(container.at("/resources/limits/memory").asText()).isNotEmpty();
                assertThat(container.at("/resources/requests/cpu").asText()).isNotEmpty();
                assertThat(container.path("image").asText())
                        .doesNotEndWith(":latest")
                        .containsPattern("[:@].+");
            });
        }
    }

    @ParameterizedTest
    @MethodSource("valueSets")
    void everyWorkloadHasProbesAChecksumAndADisruptionBudget(Path values) {
        List<JsonNode> objects = Chart.render(values);
        for (JsonNode workload : Chart.workloads(objects)) {
            String name = workload.at("/metadata/name").asText();
            JsonNode container = workload.at("/spec/template/spec/containers/0");
            assertThat(container.has("readinessProbe")).as(name).isTrue();
            assertThat(container.has("livenessProbe")).as(name).isTrue();
            assertThat(workload.at("/spec/template/metadata/annotations")
                            .path("checksum/config")
                            .asText())
                    .as(name)
                    .hasSize(64);
            Chart.one(objects, "PodDisruptionBudget", name);
        }
    }

    @ParameterizedTest
    @MethodSource("valueSets")
    void everythingIsDeniedThatNoPolicyAllows(Path values) {
        List<JsonNode> objects = Chart.render(values);
        JsonNode all = Chart.one(objects, "NetworkPolicy", "parley-deny-all");
        assertThat(all.at("/spec/policyTypes")).hasSize(2);
        assertThat(all.path("spec").has("ingress") || all.path("spec").has("egress"))
                .isFalse();
        for (JsonNode workload : Chart.workloads(objects)) {
            JsonNode labels = workload.at("/spec/template/metadata/labels");
            all.at("/spec/podSelector/matchLabels")
                    .properties()
                    .forEach(label -> assertThat(labels.path(label.getKey())).isEqualTo(label.getValue()));
        }
        assertThat(Chart.ofKind(objects, "NetworkPolicy")
                        .map(policy -> policy.at("/metadata/name").asText()))
                .doesNotHaveDuplicates()
                .doesNotContain("parley-gemini-worker-to-postgresql-5432");
    }

    @ParameterizedTest
    @MethodSource("valueSets")
    void noSecretIsInAnEnvironment(Path values) {
        for (JsonNode workload : Chart.workloads(Chart.render(values))) {
            Chart.containers(workload)
                    .flatMap(container -> container.path("env").valueStream())
                    .filter(variable -> variable.path("name").asText().matches(".*(PASSWORD|KEYS|COOKIE)"))
                    .forEach(variable -> assertThat(
                                    variable.at("/valueFrom/secretKeyRef/name").asText())
                            .as("%s", variable)
                            .isNotEmpty());
        }
    }

    @Test
    void oldPodsServeUntilANewOneHasMigrated() {
        JsonNode api = Chart.one(Chart.render(Chart.valueSet("default")), "Deployment", "parley-chat-api");
        assertThat(api.at("/spec/strategy/rollingUpdate/maxUnavailable").asInt(-1))
                .isZero();
        assertThat(api.at("/spec/template/spec/containers/0/startupProbe/failureThreshold")
                        .asInt())
                .isGreaterThanOrEqualTo(300);
    }

    @Test
    void kedaCountsWhatWorkersHoldAndIsBoundedByTheKeys() {
        JsonNode scaled = Chart.one(Chart.render(Chart.valueSet("external")), "ScaledObject", "parley-gemini-worker");
        assertThat(scaled.at("/spec/minReplicaCount").asInt(-1)).isZero();
        // 50 groups x 60 a minute x 30 s / 60 = 1,500 at once, 50 in one worker.
        assertThat(scaled.at("/spec/maxReplicaCount").asInt()).isEqualTo(30);
        JsonNode trigger = scaled.at("/spec/triggers/0/metadata");
        assertThat(trigger.path("protocol").asText()).isEqualTo("http");
        assertThat(trigger.path("mode").asText()).isEqualTo("QueueLength");
        assertThat(trigger.path("queueName").asText()).isEqualTo("gemini.requests");
        assertThat(scaled.at("/spec/fallback/behavior").asText()).isEqualTo("currentReplicasIfHigher");
    }

    @Test
    void withoutAKeyTheFakeAnswersAndWorkersKeepItsLimit() {
        List<JsonNode> objects = Chart.render(Chart.valueSet("default"));
        Chart.one(objects, "Deployment", "parley-fake-gemini");
        JsonNode worker = Chart.one(objects, "Deployment", "parley-gemini-worker");
        assertThat(variable(worker, "GEMINI_BASE_URL")).isEqualTo("http://parley-fake-gemini:8090");
        assertThat(variable(worker, "KEYS_MAX_PER_MINUTE")).isEqualTo("300");
        assertThat(variable(Chart.one(objects, "Deployment", "parley-chat-api"), "GEMINI_FAKE"))
                .isEqualTo("true");
    }

    @ParameterizedTest
    @CsvSource({"external", "sidecar", "production"})
    void withAKeyThereIsNoFake(String values) {
        List<JsonNode> objects = Chart.render(Chart.valueSet(values));
        assertThat(Chart.workloads(objects))
                .noneMatch(workload -> workload.at("/metadata/name").asText().contains("fake"));
        assertThat(variable(Chart.one(objects, "Deployment", "parley-chat-api"), "GEMINI_FAKE"))
                .isEmpty();
        assertThat(variable(Chart.one(objects, "Deployment", "parley-gemini-worker"), "GEMINI_BASE_URL"))
                .isEmpty();
    }

    @Test
    void withoutAClusterToAskNothingNeedsKeda() {
        List<JsonNode> objects = Chart.render(Chart.valueSet("default"));
        assertThat(Chart.ofKind(objects, "ScaledObject")).isEmpty();
        assertThat(Chart.one(objects, "Deployment", "parley-gemini-worker")
                        .at("/spec/replicas")
                        .asInt())
                .isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            { gemini: { baseUrl: "https://gemini.example.com:8443/v1", keys: k } }                | gemini-worker | 8443 | TCP
            { gemini: { baseUrl: "http://gemini.example.com", keys: k } }                         | gemini-worker | 80   | TCP
            { gemini: { keys: k } }                                                               | gemini-worker | 443  | TCP
            { gemini: { keys: k }, hysteria2: { enabled: true, server: "e:4433", auth: a } }      | gemini-worker | 4433 | UDP
            { gemini: { keys: k }, hysteria2: { enabled: true, mode: shared, server: "e:4433", auth: a } } | hysteria2 | 4433 | UDP
            """)
    void theWayOutIsOpenWhereTheAddressSays(String values, String pod, int port, String protocol) throws IOException {
        JsonNode policy = Chart.one(
                Chart.render(Files.writeString(folder.resolve("values.yaml"), values)),
                "NetworkPolicy",
                "parley-" + pod + "-to-outside");
        assertThat(policy.at("/spec/egress/0/ports").valueStream())
                .anyMatch(open -> open.path("port").asInt() == port
                        && open.path("protocol").asText().equals(protocol));
    }

    /** The schema refuses unknown keys, so a value that it does not know could not be set; one that is nowhere in the values is dead. */
    @Test
    void theSchemaAndTheValuesKnowTheSameKeys() {
        JsonNode schema = Chart.read(Chart.FOLDER.resolve("values.schema.json"));
        Set<String> allowed = new TreeSet<>();
        allowedKeys(schema, schema, "", allowed);
        Set<String> given = new TreeSet<>();
        givenKeys(Chart.read(Chart.FOLDER.resolve("values.yaml")), "", given);
        for (String chart : List.of("postgresql", "redis", "rabbitmq", "hysteria2")) {
            givenKeys(Chart.read(Chart.FOLDER.resolve("charts/" + chart + "/values.yaml")), "/" + chart, given);
        }
        assertThat(given).isEqualTo(allowed);
    }

    private static void allowedKeys(JsonNode schema, JsonNode node, String path, Set<String> keys) {
        JsonNode definition =
                node.has("$ref") ? schema.at(node.get("$ref").asText().substring(1)) : node;
        if (definition.path("properties").isEmpty()
                || path.endsWith("/resources")
                || path.endsWith("/ingressNamespaces")) {
            keys.add(path);
        } else {
            definition.path("properties").properties().forEach(property -> {
                // What Helm hands to every subchart is no value of ours.
                if (path.isEmpty() || !property.getKey().equals("global")) {
                    allowedKeys(schema, property.getValue(), path + "/" + property.getKey(), keys);
                }
            });
        }
    }

    private static void givenKeys(JsonNode value, String path, Set<String> keys) {
        if (!value.isObject() || value.isEmpty() || path.endsWith("/resources") || path.endsWith("annotations")) {
            keys.add(path);
        } else {
            value.properties().forEach(entry -> givenKeys(entry.getValue(), path + "/" + entry.getKey(), keys));
        }
    }

    private static String variable(JsonNode workload, String name) {
        return Chart.containers(workload)
                .flatMap(container -> container.path("env").valueStream())
                .filter(variable -> variable.path("name").asText().equals(name))
                .map(variable -> variable.path("value").asText())
                .findFirst()
                .orElse("");
    }

    @Test
    void aWorkerIsGivenTimeToEndItsCalls() {
        JsonNode pod = Chart.one(Chart.render(Chart.valueSet("default")), "Deployment", "parley-gemini-worker")
                .at("/spec/template/spec");
        assertThat(pod.path("terminationGracePeriodSeconds").asInt()).isGreaterThan(60);
    }

    @Test
    void theProxyIsANativeSidecar() {
        JsonNode pod = Chart.one(Chart.render(Chart.valueSet("sidecar")), "Deployment", "parley-gemini-worker")
                .at("/spec/template/spec");
        assertThat(pod.at("/initContainers/0/restartPolicy").asText()).isEqualTo("Always");
        assertThat(pod.at("/initContainers/0").has("startupProbe")).isTrue();
        assertThat(pod.at("/initContainers/0").has("livenessProbe")).isTrue();
    }

    @Test
    void volumesAreNamedAfterTheirServers() {
        List<JsonNode> objects = Chart.render(Chart.valueSet("default"));
        Map.of("parley-postgresql", "postgres-data", "parley-redis", "redis-data", "parley-rabbitmq", "rabbitmq-data")
                .forEach((set, volume) -> assertThat(Chart.one(objects, "StatefulSet", set)
                                .at("/spec/volumeClaimTemplates/0/metadata/name")
                                .asText())
                        .isEqualTo(volume));
    }

    /** Requests of the most replicas there can be, and all volumes. */
    @ParameterizedTest
    @CsvSource({"development, 4, 8, 20", "production, 8, 16, 100"})
    void aValueSetFitsItsMachine(String name, int cores, int memory, int storage) {
        List<JsonNode> objects = Chart.render(Chart.valueSet(name));
        assertThat(Chart.read(Chart.FOLDER.resolve(name + ".yaml"))).isEqualTo(Chart.read(Chart.valueSet(name)));
        BigDecimal cpu = BigDecimal.ZERO;
        BigDecimal limit = BigDecimal.ZERO;
        BigDecimal disk = BigDecimal.ZERO;
        for (JsonNode workload : Chart.workloads(objects)) {
            BigDecimal replicas = BigDecimal.valueOf(most(objects, workload));
            for (JsonNode container : Chart.containers(workload).toList()) {
                cpu = cpu.add(replicas.multiply(quantity(container.at("/resources/requests/cpu"))));
                limit = limit.add(replicas.multiply(quantity(container.at("/resources/limits/memory"))));
            }
            for (JsonNode claim : workload.at("/spec/volumeClaimTemplates")) {
                disk = disk.add(replicas.multiply(quantity(claim.at("/spec/resources/requests/storage"))));
            }
        }
        System.getLogger(ChartTest.class.getName())
                .log(System.Logger.Level.INFO, "{0}: {1} cores, {2} bytes, {3} bytes on disk", name, cpu, limit, disk);
        assertThat(cpu).isPositive().isLessThanOrEqualTo(BigDecimal.valueOf(cores));
        assertThat(limit).isPositive().isLessThanOrEqualTo(GIB.multiply(BigDecimal.valueOf(memory)));
        assertThat(disk).isPositive().isLessThanOrEqualTo(GIB.multiply(BigDecimal.valueOf(storage)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            chatApi: { replica: 3 }                    | replica
            chatApi: { replicas: 1 }                   | replicas
            chatApi: { replicas: two }                 | replicas
            geminiWorker: { scaling: kedda }           | scaling
            rabbitmq: { replicas: 2 }                  | replicas
            ui: { image: { tag: latest } }             | tag
            ui: { image: { digest: abc } }             | digest
            postgresql: { storage: { size: 10 GB } }   | size
            ingres: { enabled: true }                  | ingres
            hysteria2: { enabled: true }               | hysteria2
            postgresql: { enabled: false }             | external.postgresql
            """)
    void aMistakeIsRefusedByItsName(String mistake, String named) throws IOException {
        Path values = Files.writeString(folder.resolve("values.yaml"), mistake);
        assertThatThrownBy(() -> Chart.render(values))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(named);
    }

    private static int most(List<JsonNode> objects, JsonNode workload) {
        String name = workload.at("/metadata/name").asText();
        int most = workload.at("/spec/replicas").asInt(1);
        for (JsonNode object : objects) {
            if (object.at("/spec/scaleTargetRef/name").asText().equals(name)) {
                JsonNode spec = object.path("spec");
                most = spec.has("maxReplicas")
                        ? spec.path("maxReplicas").asInt()
                        : spec.path("maxReplicaCount").asInt();
            }
        }
        return most;
    }

    private static BigDecimal quantity(JsonNode node) {
        String text = node.asText();
        if (text.endsWith("m")) {
            return new BigDecimal(text.substring(0, text.length() - 1)).movePointLeft(3);
        }
        if (text.endsWith("Mi")) {
            return new BigDecimal(text.substring(0, text.length() - 2)).multiply(new BigDecimal(1L << 20));
        }
        if (text.endsWith("Gi")) {
            return new BigDecimal(text.substring(0, text.length() - 2)).multiply(GIB);
        }
        return new BigDecimal(text);
    }
}
