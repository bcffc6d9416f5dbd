/*
 * In front of a time server: lets client requests through, answers those of a
 * flooding client with a kiss-o'-death (RFC 5905), drops control and private
 * modes (amplification), and keeps a histogram of versions and strata.
 */
#include "app.h"

struct ntp_hdr {
	__u8 li_vn_mode;
	__u8 stratum;
	__u8 poll;
	__s8 precision;
	__be32 root_delay;
	__be32 root_dispersion;
	__u8 reference_id[4];
	__be32 reference[2];
	__be32 origin[2];
	__be32 receive[2];
	__be32 transmit[2];
};

struct client {
	__u32 requests;
	__u32 kissed;
	__u64 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __be32);
	__type(value, struct client);
	__uint(max_entries, 2048);
} clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 64); /* version << 3 | mode */
} modes SEC(".maps");

const volatile __u32 requests_per_window = 1;
const volatile __u64 window = 700;
__u64 sequence, passed, kissed, amplification, malformed;

SEC("xdp")
int ntp_guard(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)
	HEADER_OR_RETURN(struct udp_hdr, udp, ip + 1, end, XDP_PASS)
	struct client *client, fresh = {};
	__u32 key, mode;
	__u64 *count;
	__be32 addr;
	__be16 port;

	sequence++;
	if (eth->proto != bpf_htons(ETH_P_IP) || ip->version_ihl != 0x45 || ip->proto != IPPROTO_UDP)
		return XDP_PASS;
	if (udp->dst != bpf_htons(123))
		return XDP_PASS;
	struct ntp_hdr *ntp = (void *)(udp + 1);

	if ((void *)(ntp + 1) > end) {
		malformed++;
		return XDP_DROP;
	}
	key = ntp->li_vn_mode & 63;
	count = bpf_map_lookup_elem(&modes, &key);
	if (count)
		++*count;
	mode = key & 7;
	if (mode == 6 || mode == 7) {
		amplification++;
		return XDP_DROP;
	}
	if (mode != 3)
		return XDP_PASS;
	addr = ip->src;
	client = bpf_map_lookup_elem(&clients, &addr);
	if (!client) {
		fresh.requests = 1;
		fresh.last = sequence;
		bpf_map_update_elem(&clients, &addr, &fresh, BPF_ANY);
		passed++;
		return XDP_PASS;
	}
	if (sequence - client->last > window) {
		client->requests = 0;
		client->last = sequence;
	}
	if (client->requests++ < requests_per_window) {
		passed++;
		return XDP_PASS;
	}
	client->kissed++;
	kissed++;
	swap_macs(eth);
	ip->src = ip->dst;
	ip->dst = addr;
	port = udp->src;
	udp->src = udp->dst;
	udp->dst = port;
	udp->check = 0;
	ntp->li_vn_mode = 0xc0 | (ntp->li_vn_mode & 0x38) | 4;
	ntp->stratum = 0;
	__builtin_memcpy(ntp->reference_id, "RATE", 4);
	ntp->origin[0] = ntp->transmit[0];
	ntp->origin[1] = ntp->transmit[1];
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
