/*
 * Lets answers in, and nothing else: packets from 10.0.0.0/8 make a
 * connection, others pass when they belong to one. Marks connections with the
 * number of their packets.
 */
#include "../packet.h"
#include <bpf/bpf_core_read.h>

struct bpf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

struct nf_conn {
	__u64 status;
	__u32 mark;
} __attribute__((preserve_access_index));

struct nf_conn___init {
	struct nf_conn ct;
};

extern struct nf_conn___init *bpf_xdp_ct_alloc(struct xdp_md *xdp, struct bpf_sock_tuple *tuple, __u32 tuple_size,
					       struct bpf_ct_opts *opts, __u32 opts_size) __ksym;
extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *xdp, struct bpf_sock_tuple *tuple, __u32 tuple_size,
					 struct bpf_ct_opts *opts, __u32 opts_size) __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *conn) __ksym;
extern void bpf_ct_release(struct nf_conn *conn) __ksym;
extern void bpf_ct_set_timeout(struct nf_conn___init *conn, __u32 timeout) __ksym;
extern int bpf_ct_change_timeout(struct nf_conn *conn, __u32 timeout) __ksym;

#define TIMEOUT_MS 30000

SEC("xdp")
int conntrack(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct bpf_ct_opts opts = {.netns_id = -1};
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *made;
	struct nf_conn *conn;
	__u8 *ip = data + 14;

	if (data + 14 + 20 + 4 > end || ((struct eth_hdr *)data)->proto != bpf_htons(ETH_P_IP) || ip[0] != 0x45)
		return XDP_PASS;
	if (ip[9] != IPPROTO_TCP && ip[9] != IPPROTO_UDP)
		return XDP_PASS;
	opts.l4proto = ip[9];
	__builtin_memcpy(&tuple.ipv4, ip + 12, 12);
	conn = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!conn && ip[12] == 10) {
		made = bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
		if (!made)
			return XDP_ABORTED;
		bpf_ct_set_timeout(made, TIMEOUT_MS);
		conn = bpf_ct_insert_entry(made);
	}
	if (!conn)
		return XDP_DROP;
	conn->mark++;
	bpf_ct_change_timeout(conn, TIMEOUT_MS);
	bpf_ct_release(conn);
	return opts.dir ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
