/**
 * The servers that a run, a test or a bench needs: PostgreSQL, Redis and RabbitMQ, each from where it can be had, started with its data
 * in one folder, and gone when the program that started it is gone.
 *
 * <p>The door is {@link dev.parley.dev.server.DevServices} for a run and {@link dev.parley.dev.server.SharedServers} for tests.
 */
package dev.parley.dev.server;
