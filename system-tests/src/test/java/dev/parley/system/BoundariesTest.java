package dev.parley.system;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Keeps the map of ARCHITECTURE.md true. */
@AnalyzeClasses(packages = "dev.parley", importOptions = ImportOption.DoNotIncludeTests.class)
class BoundariesTest {
    private static final String PIPELINE = "dev.parley.pipeline..";
    private static final String API = "dev.parley.api..";
    private static final String WORKER = "dev.parley.worker..";
    private static final String DEV = "dev.parley.dev..";
    private static final String LOCAL = "dev.parley.local..";

    @ArchTest
    static final ArchRule PIPELINE_KNOWS_NO_SERVICE = noClasses()
            .that()
            .resideInAPackage(PIPELINE)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(API, WORKER, DEV, LOCAL);

    @ArchTest
    static final ArchRule THE_API_DOES_NOT_KNOW_THE_WORKER = noClasses()
            .that()
            .resideInAPackage(API)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(WORKER, DEV, LOCAL);

    @ArchTest
    static final ArchRule THE_WORKER_DOES_NOT_KNOW_THE_API = noClasses()
            .that()
            .resideInAPackage(WORKER)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(API, DEV, LOCAL);

    @ArchTest
    static final ArchRule WORKERS_NEVER_TOUCH_THE_DATABASE = noClasses()
            .that()
            .resideInAPackage(WORKER)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.sql..", "javax.sql..", "io.helidon.dbclient..");

    @ArchTest
    static final ArchRule DEV_SERVICES_KNOW_NOBODY = noClasses()
            .that()
            .resideInAPackage(DEV)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(PIPELINE, API, WORKER, LOCAL);

    @ArchTest
    static final ArchRule CONCERNS_OF_THE_WORKER_FORM_NO_CYCLE =
            slices().matching("dev.parley.worker.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule CONCERNS_OF_THE_PIPELINE_FORM_NO_CYCLE =
            slices().matching("dev.parley.pipeline.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule ONLY_THE_PIPELINE_OPENS_BROKER_CONNECTIONS = noClasses()
            .that()
            .resideOutsideOfPackages(PIPELINE, DEV)
            .and()
            // Measures what the broker costs without the pipeline.
            .doNotHaveFullyQualifiedName("dev.parley.local.bench.BarePath")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("com.rabbitmq.client..");
}
