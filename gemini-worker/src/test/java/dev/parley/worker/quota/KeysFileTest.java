package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.parley.worker.key.ApiKey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class KeysFileTest {
    private static final Path YAML = Path.of("keys.yaml");

    @Test
    void aGroupHasKeysLimitsAndAWeight() throws InvalidKeys {
        assertThat(KeysFile.parse("""
                        # Who pays: finance
                        groups:
                          - name: team-a
                            keys: [AIzaOne, AIzaTwo]
                            limits: {requestsPerMinute: 5, requestsPerDay: 100, tokensPerMinute: 9000}
                            weight: 3
                          - name: '7'
                            keys:
                              - AIzaThree
                        """, YAML))
                .containsExactly(
                        new QuotaGroup(
                                "team-a",
                                List.of(new ApiKey("AIzaOne"), new ApiKey("AIzaTwo")),
                                new QuotaGroup.Limits(Optional.of(5), Optional.of(100), Optional.of(9_000)),
                                3),
                        new QuotaGroup("7", List.of(new ApiKey("AIzaThree"))));
    }

    @Test
    void aMountedSecretWithoutAnEndingIsYamlByItsContent() throws InvalidKeys {
        assertThat(KeysFile.parse("groups: [{name: a, keys: [AIzaOne]}]", Path.of("GEMINI_API_KEYS")))
                .containsExactly(new QuotaGroup("a", List.of(new ApiKey("AIzaOne"))));
    }

    @Test
    void theCommaSeparatedFormIsReadFromAFileToo() throws InvalidKeys {
        assertThat(KeysFile.parse("team=AIzaOne,team=AIzaTwo\ngroups=AIzaThree\n", Path.of("keys")))
                .containsExactly(
                        new QuotaGroup("team", List.of(new ApiKey("AIzaOne"), new ApiKey("AIzaTwo"))),
                        new QuotaGroup("groups", List.of(new ApiKey("AIzaThree"))));
    }

    private static Stream<Arguments> mistakes() {
        String good = "  - {name: a, keys: [AIzaSecret1]}\n";
        return Stream.of(
                Arguments.of(
                        "groups:\n" + good + "  - {name: a, keys: [AIzaSecret2]}", "group 2: has the name of group 1"),
                Arguments.of(
                        "groups:\n" + good + "  - {name: b, keys: [AIzaSecret2, AIzaSecret1]}",
                        "group 2, key 2: is the same as group 1, key 1"),
                Arguments.of(
                        "groups: [{name: a, keys: [AIzaSecret1], limits: {requestsPerMinute: -1}}]",
                        "group 1, limits, requestsPerMinute: must be a whole number from 1"),
                Arguments.of(
                        "groups: [{name: a, keys: [AIzaSecret1], limits: {requestsPerDay: 0}}]",
                        "group 1, limits, requestsPerDay: must be"),
                Arguments.of(
                        "groups: [{name: a, keys: [AIzaSecret1], limits: {requestsPerDay: 1.5}}]",
                        "group 1, limits, requestsPerDay: must be"),
                Arguments.of("groups: [{name: a, keys: [AIzaSecret1], weight: '2'}]", "group 1, weight: must be"),
                Arguments.of("groups: [{name: a, keys: [AIzaSecret1], weight: }]", "group 1, weight: must be"),
                Arguments.of(
                        "groups: [{name: a, keys: [AIzaSecret1], perMinute: 3}]",
                        "group 1: has an unknown field perMinute"),
                Arguments.of(
                        "groups: [{name: a, keys: [AIzaSecret1], AIzaSecret2: 3}]", "group 1: has an unknown field"),
                Arguments.of("groups: [{name: a, keys: [AIzaSecret1]}]\nversion: 2", "the file: has an unknown field"),
                Arguments.of("groups: [{name: AIzaSecret1, keys: [AIzaSecret2]}]", "group 1: needs a name"),
                Arguments.of("groups: [{name: 7, keys: [AIzaSecret2]}]", "group 1: needs a name"),
                Arguments.of("groups: [{name: a, keys: [12345]}]", "group 1, key 1: is no usable key"),
                Arguments.of("groups: [{name: a, keys: [AIza Secret]}]", "group 1, key 1: is no usable key"),
                Arguments.of("groups: [{name: a, keys: []}]", "group 1: needs keys"),
                Arguments.of("groups: [{name: a}]", "group 1: needs keys"),
                Arguments.of("groups: [AIzaSecret1]", "group 1: must have the fields"),
                Arguments.of("groups: []", "needs groups"),
                Arguments.of("", "the file: must have the fields"),
                Arguments.of("groups:\n  - name: a\n    name: AIzaSecret1", "line 3"),
                Arguments.of("groups:\n  - {name: a, keys: [AIzaSecret1}", "this is not YAML"),
                Arguments.of("groups:\n  - {name: a, keys: [&k AIzaSecret1, *k]}", "line 2: aliases"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void aMistakeIsOneLineThatNamesThePlaceAndNeverTheKey(String content, String expected) {
        InvalidKeys mistake = catchThrowableOfType(InvalidKeys.class, () -> KeysFile.parse(content, YAML));
        assertThat(mistake.problems()).singleElement().satisfies(line -> assertThat(line)
                .contains(expected)
                .doesNotContain("\n")
                .satisfies(text -> assertThat(text.toLowerCase(Locale.ROOT)).doesNotContain("secret", "aiza")));
    }

    @Test
    void everyMistakeIsToldAtOnce() {
        assertThatThrownBy(() -> KeysFile.parse(
                        "groups: [{name: a, keys: [x, x], weight: 0}, {name: a, keys: [y], limits: {requestsPerMinute: x}}]",
                        YAML))
                .isInstanceOfSatisfying(InvalidKeys.class, mistake -> assertThat(mistake.problems())
                        .hasSize(4));
    }

    @Test
    void whatIsNoTextOrTooLongIsRefused(@TempDir Path folder) throws Exception {
        Path file = Files.write(folder.resolve("keys.yaml"), new byte[] {(byte) 0xff, (byte) 0xfe});
        assertThatThrownBy(() -> KeysFile.read(file)).hasMessageContaining("UTF-8");
        Files.writeString(file, "#".repeat((1 << 20) + 1));
        assertThatThrownBy(() -> KeysFile.read(file)).hasMessageContaining("1 MiB");
        assertThatThrownBy(() -> KeysFile.read(folder)).hasMessageContaining("cannot be read");
    }
}
