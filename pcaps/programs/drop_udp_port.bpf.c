/*
 * Drops UDP datagrams to one port, over IPv4 and IPv6, and passes everything
 * else. The port is a constant in .rodata, which a loader may change before
 * the program is loaded; the default, 53, drops DNS queries and lets the
 * answers through.
 */
#include "packet.h"

const volatile __u16 port = 53;

SEC("xdp")
int drop_udp_port(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct udp_hdr *udp;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);

	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
		if (ip->proto != IPPROTO_UDP || (ip->frag_off & bpf_htons(IP_OFFSET_MASK)))
			return XDP_PASS;
		udp = (void *)ip + (ip->version_ihl & 0xf) * 4;
	} else if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, XDP_PASS);
		if (ip6->next_hdr != IPPROTO_UDP)
			return XDP_PASS;
		udp = (void *)(ip6 + 1);
	} else {
		return XDP_PASS;
	}

	if ((void *)(udp + 1) > end)
		return XDP_PASS;
	return udp->dst == bpf_htons(port) ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
