package dev.parley.worker.gemini;

import io.helidon.webclient.api.DefaultDnsResolver;
import io.helidon.webclient.api.DnsAddressLookup;
import io.helidon.webclient.spi.DnsResolver;
import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * Leaves the model's name to the proxy's far end. WebClient resolves a target's name even when it only hands the name on
 * in CONNECT; here it gets an address that is never connected to, while the proxy's own name is really resolved.
 *
 * @param target the model's host
 */
record TargetNames(String target) implements DnsResolver {
    /** Of the block for documentation (RFC 5737), so that a mistake reaches nobody. */
    private static final byte[] PLACEHOLDER = {(byte) 192, 0, 2, 1};

    @Override
    public InetAddress resolveAddress(String hostname, DnsAddressLookup lookup) {
        if (!hostname.equalsIgnoreCase(target)) {
            return DefaultDnsResolver.create().resolveAddress(hostname, lookup);
        }
        try {
            return InetAddress.getByAddress(hostname, PLACEHOLDER);
        } catch (UnknownHostException e) {
            throw new IllegalStateException("four bytes are an address", e);
        }
    }
}
