package dev.parley.dev.gemini;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CommandLineTest {
    @Test
    void everyArgumentIsTaken() {
        CommandLine line = CommandLine.parse(
                "--port=1",
                "--https-port=2",
                "--bind=0.0.0.0",
                "--names=a.test,b.test",
                "--certificate=ca.pem",
                "--keys=one=k1,one=k2,k3",
                "--quota=5/10s",
                "--behaviour=first=300ms chunk=30ms");

        assertThat(line.certificate()).contains(Path.of("ca.pem"));
        assertThat(line.options())
                .isEqualTo(Options.defaults()
                        .withPort(1)
                        .withHttpsPort(2)
                        .withBind("0.0.0.0")
                        .withCertificateNames(List.of("a.test", "b.test"))
                        .withKeys(Map.of("k1", "one", "k2", "one", "k3", Ledger.mask("k3")))
                        .withQuota(new Quota(5, Duration.ofSeconds(10)))
                        .withBehaviour(Behaviour.ofWords("first=300ms chunk=30ms")));
    }

    @Test
    void withoutArgumentsItIsHttpAlone() {
        assertThat(CommandLine.parse().options())
                .isEqualTo(Options.defaults().withoutHttps().withPort(8090));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "--port=x; --port",
                "--https-port=70000; --https-port",
                "--quota=0; --quota",
                "--quota=5/soon; --quota",
                "--keys=one=; --keys",
                "--certificate=ca.pem; --certificate",
                "--behaviour=first=soon; first",
                "--help; --help"
            })
    void aWrongArgumentIsNamed(String argument, String named) {
        assertThatThrownBy(() -> CommandLine.parse(argument))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(named + ":");
    }
}
