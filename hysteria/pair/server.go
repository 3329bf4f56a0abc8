package main

import (
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"regexp"
	"time"

	"github.com/apernet/hysteria/core/v2/server"
)

const dialTimeout = 10 * time.Second

// serverConfig is the part of the official app's server.yaml that Parley uses.
type serverConfig struct {
	Listen string `yaml:"listen"`
	TLS    struct {
		Cert string `yaml:"cert"`
		Key  string `yaml:"key"`
	} `yaml:"tls"`
	Auth struct {
		Type     string `yaml:"type"`
		Password string `yaml:"password"`
	} `yaml:"auth"`
	QUIC struct {
		MaxIdleTimeout     time.Duration `yaml:"maxIdleTimeout"`
		MaxIncomingStreams int64         `yaml:"maxIncomingStreams"`
	} `yaml:"quic"`
	IgnoreClientBandwidth bool `yaml:"ignoreClientBandwidth"`
	DisableUDP            bool `yaml:"disableUDP"`
	ACL                   struct {
		Inline []string `yaml:"inline"`
	} `yaml:"acl"`
}

func serve(config serverConfig) error {
	if config.Auth.Type != "password" || config.Auth.Password == "" {
		return errors.New("auth: only a password is known here")
	}
	if !config.DisableUDP {
		return errors.New("disableUDP: must be true here")
	}
	rules, err := parseRules(config.ACL.Inline)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(config.TLS.Cert, config.TLS.Key)
	if err != nil {
		return err
	}
	address, err := net.ResolveUDPAddr("udp", config.Listen)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", address)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Config{
		TLSConfig: server.TLSConfig{Certificates: []tls.Certificate{pair}},
		QUICConfig: server.QUICConfig{
			MaxIdleTimeout:     config.QUIC.MaxIdleTimeout,
			MaxIncomingStreams: config.QUIC.MaxIncomingStreams,
		},
		Conn:                  conn,
		Outbound:              rules,
		IgnoreClientBandwidth: config.IgnoreClientBandwidth,
		DisableUDP:            true,
		Authenticator:         passwordAuth(config.Auth.Password),
		EventLogger:           events{},
	})
	if err != nil {
		return err
	}
	log.Printf("server up on %s", config.Listen)
	return s.Serve()
}

type passwordAuth string

func (p passwordAuth) Authenticate(_ net.Addr, auth string, _ uint64) (bool, string) {
	return subtle.ConstantTimeCompare([]byte(auth), []byte(p)) == 1, "user"
}

// rule is one line of an ACL; all leaves every port and every host to it.
type rule struct {
	host   string
	port   string
	to     string
	reject bool
}

type rules []rule

var ruleForm = regexp.MustCompile(`^(direct|reject)\(\s*([^,()\s]+)\s*(?:,\s*(?:tcp/(\d+)|\*)\s*(?:,\s*([0-9.]+)\s*)?)?\)$`)

// parseRules takes direct(host), direct(host, tcp/port), direct(host, *, address to dial instead) and reject(...).
func parseRules(lines []string) (rules, error) {
	var all rules
	for _, line := range lines {
		m := ruleForm.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("acl: %q is not known here", line)
		}
		all = append(all, rule{reject: m[1] == "reject", host: m[2], port: m[3], to: m[4]})
	}
	return all, nil
}

// TCP dials as the first rule that fits says, and as asked where none does.
func (all rules) TCP(address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if (r.host != "all" && r.host != host) || (r.port != "" && r.port != port) {
			continue
		}
		if r.reject {
			return nil, errors.New("rejected")
		}
		if r.to != "" {
			address = net.JoinHostPort(r.to, port)
		}
		break
	}
	return net.DialTimeout("tcp", address, dialTimeout)
}

func (rules) UDP(string) (server.UDPConn, error) { return nil, errors.New("no UDP") }
func (rules) CheckUDP(string) error              { return errors.New("no UDP") }

// events logs who comes and goes; never what is asked for.
type events struct{}

func (events) Connect(a net.Addr, _ string, _ uint64)      { log.Printf("client connected") }
func (events) Disconnect(_ net.Addr, _ string, err error)  { log.Printf("client gone: %v", err) }
func (events) TCPRequest(net.Addr, string, string)         {}
func (events) TCPError(net.Addr, string, string, error)    {}
func (events) UDPRequest(net.Addr, string, uint32, string) {}
func (events) UDPError(net.Addr, string, uint32, error)    {}
