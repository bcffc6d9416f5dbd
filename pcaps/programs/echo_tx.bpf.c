/*
 * Answers from inside the driver (XDP_TX), so that a ping needs no host behind
 * the interface:
 *  - an ARP request for whichever IPv4 address gets the locally administered
 *    MAC 02:00:00:00:00:ec ("echo");
 *  - an ICMP echo request comes back as its reply;
 *  - a UDP datagram to port 7 (echo) comes back to its sender.
 * MACs, IP addresses and UDP ports are swapped; of the checksums only ICMP's
 * changes, by the type. Everything else passes.
 */
#include "packet.h"

#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO_REQUEST 8
#define UDP_ECHO 7

const volatile __u8 own_mac[6] = { 0x02, 0, 0, 0, 0, 0xec };

static __always_inline void swap_macs(struct eth_hdr *eth)
{
	__u8 was[6];

	__builtin_memcpy(was, eth->dst, 6);
	__builtin_memcpy(eth->dst, eth->src, 6);
	__builtin_memcpy(eth->src, was, 6);
}

static __always_inline void swap_ips(struct ipv4_hdr *ip)
{
	__be32 was = ip->dst;

	ip->dst = ip->src;
	ip->src = was;
}

static __always_inline int answer_arp(struct eth_hdr *eth, void *end)
{
	HEADER_OR_RETURN(struct arp_hdr, arp, eth + 1, end, XDP_PASS);
	__u8 asked[4];

	if (arp->hw_type != bpf_htons(1) || arp->proto_type != bpf_htons(ETH_P_IP) || arp->hw_len != 6 ||
	    arp->proto_len != 4 || arp->op != bpf_htons(ARP_REQUEST))
		return XDP_PASS;
	/* an announcement ("who has my own address?") wants no answer */
	if (__builtin_memcmp(arp->sender_ip, arp->target_ip, 4) == 0)
		return XDP_PASS;

	__builtin_memcpy(asked, arp->target_ip, 4);
	arp->op = bpf_htons(ARP_REPLY);
	__builtin_memcpy(arp->target_mac, arp->sender_mac, 6);
	__builtin_memcpy(arp->target_ip, arp->sender_ip, 4);
	__builtin_memcpy(arp->sender_ip, asked, 4);
	__builtin_memcpy(eth->dst, arp->target_mac, 6);
	for (int i = 0; i < 6; i++) {
		arp->sender_mac[i] = own_mac[i];
		eth->src[i] = own_mac[i];
	}
	return XDP_TX;
}

SEC("xdp")
int echo_tx(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto == bpf_htons(ETH_P_ARP))
		return answer_arp(eth, end);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;

	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	if (ip->version_ihl != 0x45 || (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK)))
		return XDP_PASS;

	if (ip->proto == IPPROTO_ICMP) {
		HEADER_OR_RETURN(struct icmp_hdr, icmp, ip + 1, end, XDP_PASS);
		if (icmp->type != ICMP_ECHO_REQUEST || icmp->code != 0)
			return XDP_PASS;
		icmp->type = ICMP_ECHO_REPLY;
		/* the first 16-bit word went down by 0x0800: its complement in the checksum goes up (RFC 1624) */
		__u32 sum = (__u32)icmp->check + bpf_htons(ICMP_ECHO_REQUEST << 8);
		icmp->check = (sum & 0xffff) + (sum >> 16);
	} else if (ip->proto == IPPROTO_UDP) {
		HEADER_OR_RETURN(struct udp_hdr, udp, ip + 1, end, XDP_PASS);
		if (udp->dst != bpf_htons(UDP_ECHO))
			return XDP_PASS;
		udp->dst = udp->src;
		udp->src = bpf_htons(UDP_ECHO);
	} else {
		return XDP_PASS;
	}

	swap_macs(eth);
	swap_ips(ip);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
