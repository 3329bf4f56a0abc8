package dev.parley.chart;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The chart in helm/parley as Helm itself renders it. */
final class Chart {
    static final Path FOLDER = Path.of(System.getProperty("parley.root"), "helm", "parley");
    private static final Path RENDERED =
            FOLDER.resolveSibling("../chart-tests/target/rendered").normalize();
    private static final YAMLMapper YAML = new YAMLMapper();

    private Chart() {}

    /** The value sets that the chart must hold for. */
    static List<Path> valueSets() {
        try (Stream<Path> files = Files.list(FOLDER.resolve("ci"))) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path valueSet(String name) {
        return FOLDER.resolve("ci").resolve(name + "-values.yaml");
    }

    /** What a release named parley in the namespace chat consists of. */
    static List<JsonNode> render(Path values) {
        String text = new Helm(FOLDER)
                .template()
                .withName("parley")
                .withNamespace("chat")
                .withKubeVersion("1.34.0")
                .withValuesFile(values)
                // Helm's library would look in a cluster, which "helm template" does not.
                .set("global.lookup", "false")
                .call();
        try {
            if (values.startsWith(FOLDER)) {
                // For chart-tests/check, which has the tools of others look at them.
                Files.createDirectories(RENDERED);
                Files.writeString(RENDERED.resolve(values.getFileName()), text);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try (MappingIterator<JsonNode> documents =
                YAML.readerFor(JsonNode.class).readValues(text)) {
            return documents.readAll().stream().filter(JsonNode::isObject).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Lints a copy of the chart whose defaults are those of a value set: Helm's library lints with the defaults only. */
    static LintResult lint(Path values, Path folder) throws IOException {
        Path copy = folder.resolve("parley");
        try (Stream<Path> files = Files.walk(FOLDER)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(FOLDER.relativize(file)));
            }
        }
        Path defaults = copy.resolve("values.yaml");
        ObjectNode merged = (ObjectNode) read(defaults);
        YAML.setDefaultMergeable(true);
        YAML.readerForUpdating(merged).readValue(read(values));
        YAML.writeValue(defaults.toFile(), merged);
        return new Helm(copy).lint().strict().call();
    }

    static JsonNode read(Path file) {
        try {
            return YAML.readTree(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Stream<JsonNode> ofKind(List<JsonNode> objects, String kind) {
        return objects.stream().filter(object -> object.path("kind").asText().equals(kind));
    }

    static JsonNode one(List<JsonNode> objects, String kind, String name) {
        return ofKind(objects, kind)
                .filter(object -> object.at("/metadata/name").asText().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no " + kind + " " + name));
    }

    /** Everything that makes long-running pods. */
    static List<JsonNode> workloads(List<JsonNode> objects) {
        return Stream.concat(ofKind(objects, "Deployment"), ofKind(objects, "StatefulSet"))
                .toList();
    }

    static Stream<JsonNode> containers(JsonNode workload) {
        JsonNode pod = workload.at("/spec/template/spec");
        return Stream.concat(
                pod.path("containers").valueStream(), pod.path("initContainers").valueStream());
    }
}
