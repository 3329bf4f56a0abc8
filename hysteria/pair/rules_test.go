package main

import (
	"net"
	"testing"
)

func TestANameThatOnlyTheServerKnowsIsDialledThereAndAllElseIsRejected(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	rules, err := parseRules([]string{"direct(gemini.test, tcp/" + port + ", 127.0.0.1)", "reject(all)"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := rules.TCP("gemini.test:" + port)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, refused := range []string{"127.0.0.1:" + port, "gemini.test:1"} {
		if _, err := rules.TCP(refused); err == nil || err.Error() != "rejected" {
			t.Errorf("%s: %v", refused, err)
		}
	}
}

func TestARuleThatIsNotKnownIsAnError(t *testing.T) {
	for _, line := range []string{"socks(all)", "direct(a, udp/53)", "direct()", "direct(all"} {
		if _, err := parseRules([]string{line}); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
}

func TestTheFilesThatParleyShowsAreKnownHere(t *testing.T) {
	for _, mode := range []string{"client", "server"} {
		if err := run([]string{mode, "-check", "-c", "../" + mode + ".yaml"}); err != nil {
			t.Error(err)
		}
	}
}
