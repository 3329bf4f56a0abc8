package main

import (
	"bufio"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/apernet/hysteria/core/v2/client"
)

// headTimeout bounds the wait for a CONNECT's head, as nothing is known of its sender yet.
const headTimeout = 10 * time.Second

// clientConfig is the part of the official app's client.yaml that Parley uses.
type clientConfig struct {
	Server string `yaml:"server"`
	Auth   string `yaml:"auth"`
	TLS    struct {
		SNI string `yaml:"sni"`
		CA  string `yaml:"ca"`
	} `yaml:"tls"`
	QUIC struct {
		MaxIdleTimeout  time.Duration `yaml:"maxIdleTimeout"`
		KeepAlivePeriod time.Duration `yaml:"keepAlivePeriod"`
	} `yaml:"quic"`
	Lazy     bool `yaml:"lazy"`
	FastOpen bool `yaml:"fastOpen"`
	HTTP     struct {
		Listen   string `yaml:"listen"`
		Username string `yaml:"username"`
		Password string `yaml:"password"`
	} `yaml:"http"`
}

// authorization is what a CONNECT has to bring in Proxy-Authorization; empty where everybody is let in, as in the official app.
func (c clientConfig) authorization() string {
	if c.HTTP.Username == "" && c.HTTP.Password == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.HTTP.Username+":"+c.HTTP.Password))
}

// settings are made anew for each connection, so that a server's new address or certificate is found.
func (c clientConfig) settings() (*client.Config, error) {
	address, err := net.ResolveUDPAddr("udp", c.Server)
	if err != nil {
		return nil, err
	}
	config := &client.Config{
		ServerAddr: address,
		Auth:       c.Auth,
		FastOpen:   c.FastOpen,
		QUICConfig: client.QUICConfig{
			MaxIdleTimeout:  c.QUIC.MaxIdleTimeout,
			KeepAlivePeriod: c.QUIC.KeepAlivePeriod,
		},
	}
	config.TLSConfig.ServerName = c.TLS.SNI
	if c.TLS.SNI == "" {
		config.TLSConfig.ServerName, _, _ = net.SplitHostPort(c.Server)
	}
	if c.TLS.CA != "" {
		pem, err := os.ReadFile(c.TLS.CA)
		if err != nil {
			return nil, err
		}
		config.TLSConfig.RootCAs = x509.NewCertPool()
		if !config.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("tls.ca: no certificate in it")
		}
	}
	return config, nil
}

func proxy(c clientConfig) error {
	if c.HTTP.Listen == "" {
		return errors.New("http.listen: missing, and nothing else is served here")
	}
	hysteria, err := client.NewReconnectableClient(c.settings, func(_ client.Client, _ *client.HandshakeInfo, n int) {
		log.Printf("connected to the server, time %d", n)
	}, c.Lazy)
	if err != nil {
		return err
	}
	defer hysteria.Close()
	listener, err := net.Listen("tcp", c.HTTP.Listen)
	if err != nil {
		return err
	}
	log.Printf("http proxy on %s", c.HTTP.Listen)
	authorization := c.authorization()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go connect(conn, hysteria, authorization)
	}
}

func connect(near net.Conn, hysteria client.Client, authorization string) {
	defer near.Close()
	_ = near.SetReadDeadline(time.Now().Add(headTimeout))
	reader := bufio.NewReader(near)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	_ = near.SetReadDeadline(time.Time{})
	if request.Method != http.MethodConnect {
		_, _ = io.WriteString(near, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	if authorization != "" && subtle.ConstantTimeCompare([]byte(request.Header.Get("Proxy-Authorization")), []byte(authorization)) != 1 {
		_, _ = io.WriteString(near, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"hysteria\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	begun := time.Now()
	far, err := hysteria.TCP(request.Host)
	if err != nil {
		log.Printf("no tunnel after %v: %v", time.Since(begun).Round(time.Millisecond), err)
		_, _ = io.WriteString(near, "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n")
		return
	}
	defer far.Close()
	if _, err := io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	done := make(chan error, 2)
	go func() {
		_, err := io.Copy(far, reader)
		done <- err
	}()
	go func() {
		_, err := io.Copy(near, far)
		done <- err
	}()
	// Either direction's end is the tunnel's, as in the official app.
	if err := <-done; err != nil {
		log.Printf("tunnel ended: %v", err)
	}
}
