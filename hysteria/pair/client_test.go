package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

func TestAConnectWithoutTheProxysPasswordIsRefused(t *testing.T) {
	var config clientConfig
	config.HTTP.Username, config.HTTP.Password = "parley", "right"
	for _, brought := range []string{"", "Proxy-Authorization: Basic cGFybGV5Ondyb25n\r\n"} {
		near, browser := net.Pipe()
		go connect(near, nil, config.authorization())
		if _, err := io.WriteString(browser, "CONNECT gemini.test:443 HTTP/1.1\r\nHost: gemini.test:443\r\n"+brought+"\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(browser), nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusProxyAuthRequired {
			t.Errorf("with %q: %s", brought, response.Status)
		}
		browser.Close()
	}
}
