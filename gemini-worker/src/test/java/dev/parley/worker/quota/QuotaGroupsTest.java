package dev.parley.worker.quota;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.parley.worker.key.ApiKey;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QuotaGroupsTest {
    @Test
    void keysOfOneProjectShareAGroupAndABareKeyHasItsOwn() {
        ApiKey bare = new ApiKey("AIzaBare");
        assertThat(QuotaGroups.parse(List.of("team=AIza1", "AIzaBare", "team = AIza2")))
                .containsExactly(
                        new QuotaGroup("team", List.of(new ApiKey("AIza1"), new ApiKey("AIza2"))),
                        new QuotaGroup(bare.hash(), List.of(bare)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "AIzaSecret",
                "other=AIzaSecret",
                "a b=Secret1",
                "=Secret2",
                "team=",
                "AIzaSecret2=team",
                "sec ret"
            })
    void aMistakeIsNamedByItsPositionAndWithoutTheKey(String entry) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> QuotaGroups.parse(List.of("team=AIzaSecret", entry)))
                .withMessageContaining("entry 2")
                .satisfies(e -> assertThat(e.getMessage().toLowerCase(java.util.Locale.ROOT))
                        .doesNotContain("secret", "aiza"));
    }
}
