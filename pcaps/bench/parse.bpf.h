/* Finds the destination port of a UDP packet: Ethernet, up to two tags, IPv4 with options. */
#pragma once
#include "../programs/packet.h"

#define BLOCKED_PORT 9999

/* In the byte order of the wire; -1 for all else. */
static __always_inline int udp_port(void *data, void *end)
{
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, -1);
	__be16 proto = eth->proto;
	void *at = eth + 1;

#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		HEADER_OR_RETURN(struct vlan_hdr, vlan, at, end, -1);
		proto = vlan->proto;
		at = vlan + 1;
	}
	if (proto != bpf_htons(ETH_P_IP))
		return -1;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, at, end, -1);
	if (ip->proto != IPPROTO_UDP || ip->frag_off & bpf_htons(IP_OFFSET_MASK))
		return -1;
	__u32 header = (ip->version_ihl & 0xf) * 4;
	if (header < sizeof(*ip))
		return -1;
	HEADER_OR_RETURN(struct udp_hdr, udp, at + header, end, -1);
	return udp->dst;
}
