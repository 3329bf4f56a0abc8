package dev.parley.system.browser;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives a test the {@link Stage} that all share, or a {@link Tab} of a browser that nobody has used before. */
public final class OnStage implements ParameterResolver, AfterEachCallback {
    private static final Namespace NAMESPACE = Namespace.create(OnStage.class);

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext test) {
        Class<?> type = parameter.getParameter().getType();
        return type == Stage.class || type == Tab.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext test) {
        Stage stage =
                test.getRoot().getStore(NAMESPACE).getOrComputeIfAbsent(Stage.class, _ -> new Stage(), Stage.class);
        if (parameter.getParameter().getType() == Stage.class) {
            return stage;
        }
        Device device = parameter.findAnnotation(Device.class).orElse(null);
        Visit visit = test.getStore(NAMESPACE)
                .getOrComputeIfAbsent(
                        parameter.getIndex(),
                        _ -> new Visit(
                                stage,
                                stage.uri(),
                                device != null && device.phone(),
                                device != null && device.worker()),
                        Visit.class);
        return visit.tab();
    }

    /** What a page must not do in any test: throw, break the policy, or be made to open a dialog. */
    @Override
    public void afterEach(ExtensionContext test) {
        for (int index = 0; index < test.getRequiredTestMethod().getParameterCount(); index++) {
            Visit visit = test.getStore(NAMESPACE).get(index, Visit.class);
            if (visit != null) {
                if (test.getExecutionException().isPresent()) {
                    visit.keep(test.getRequiredTestClass().getSimpleName() + "."
                            + test.getRequiredTestMethod().getName());
                }
                visit.close();
                assertThat(visit.complaints()).isEmpty();
            }
        }
    }
}
