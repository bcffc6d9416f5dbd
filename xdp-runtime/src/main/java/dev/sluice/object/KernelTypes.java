package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfType.Enumerator;
import dev.sluice.btf.BtfType.Member;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The types of Linux 6.18 (64 bits, little endian) that XDP programs meet: packet headers, contexts, what helpers and
 * kfuncs fill in, numbers of helpers and map types. CO-RE relocations are resolved against them unless another kernel's
 * types are given, so that an object gives the same program on any machine.
 *
 * <p>The table is not the whole of a kernel. Of a type that it does not have, sizes and places of fields are what the
 * compiler saw, and questions whether it exists are answered with no: what a program would find there does not exist here
 * either. Immutable; any thread.
 */
public final class KernelTypes {
    private static final Map<String, Scalar> SCALARS = Map.ofEntries(
            Map.entry("u8", new Scalar("unsigned char", 1, false)),
            Map.entry("u16", new Scalar("unsigned short", 2, false)),
            Map.entry("u32", new Scalar("unsigned int", 4, false)),
            Map.entry("u64", new Scalar("unsigned long long", 8, false)),
            Map.entry("s32", new Scalar("int", 4, true)),
            Map.entry("char", new Scalar("char", 1, true)));

    /**
     * C without its noise: a length or a number of bits may follow a name, structs end at the multiple of their alignment.
     * Structs that others contain come first.
     */
    private static final String TABLE = """
            enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT }
            struct xdp_md {
              u32 data; u32 data_end; u32 data_meta; u32 ingress_ifindex; u32 rx_queue_index; u32 egress_ifindex;
            }
            enum xdp_mem_type {
              MEM_TYPE_PAGE_SHARED, MEM_TYPE_PAGE_ORDER0, MEM_TYPE_PAGE_POOL, MEM_TYPE_XSK_BUFF_POOL, MEM_TYPE_MAX
            }
            struct xdp_mem_info { u32 type; u32 id; }
            struct xdp_rxq_info {
              struct net_device *dev; u32 queue_index; u32 reg_state; struct xdp_mem_info mem; u32 frag_size;
            } aligned 64
            struct xdp_txq_info { struct net_device *dev; }
            struct xdp_buff {
              void *data; void *data_end; void *data_meta; void *data_hard_start;
              struct xdp_rxq_info *rxq; struct xdp_txq_info *txq;
              union { struct { u32 frame_sz; u32 flags; } u64 frame_sz_flags_init; }
            }
            struct xdp_frame {
              void *data; u32 len; u32 headroom; u32 metasize; enum xdp_mem_type mem_type:32;
              struct net_device *dev_rx; u32 frame_sz; u32 flags;
            }

            struct ethhdr { u8 h_dest[6]; u8 h_source[6]; u16 h_proto; }
            struct vlan_hdr { u16 h_vlan_TCI; u16 h_vlan_encapsulated_proto; }
            struct vlan_ethhdr {
              union { struct { u8 h_dest[6]; u8 h_source[6]; } struct { u8 h_dest[6]; u8 h_source[6]; } addrs; }
              u16 h_vlan_proto; u16 h_vlan_TCI; u16 h_vlan_encapsulated_proto;
            }
            struct arphdr { u16 ar_hrd; u16 ar_pro; u8 ar_hln; u8 ar_pln; u16 ar_op; }
            struct mpls_shim_hdr { u32 label_stack_entry; }
            struct in_addr { u32 s_addr; }
            struct in6_addr { union { u8 u6_addr8[16]; u16 u6_addr16[8]; u32 u6_addr32[4]; } in6_u; }
            struct iphdr {
              u8 ihl:4; u8 version:4; u8 tos; u16 tot_len; u16 id; u16 frag_off; u8 ttl; u8 protocol; u16 check;
              union { struct { u32 saddr; u32 daddr; } struct { u32 saddr; u32 daddr; } addrs; }
            }
            struct ipv6hdr {
              u8 priority:4; u8 version:4; u8 flow_lbl[3]; u16 payload_len; u8 nexthdr; u8 hop_limit;
              union {
                struct { struct in6_addr saddr; struct in6_addr daddr; }
                struct { struct in6_addr saddr; struct in6_addr daddr; } addrs;
              }
            }
            struct ipv6_opt_hdr { u8 nexthdr; u8 hdrlen; }
            struct ipv6_rt_hdr { u8 nexthdr; u8 hdrlen; u8 type; u8 segments_left; }
            struct frag_hdr { u8 nexthdr; u8 reserved; u16 frag_off; u32 identification; }
            struct ip_auth_hdr { u8 nexthdr; u8 hdrlen; u16 reserved; u32 spi; u32 seq_no; u8 auth_data[0]; }
            struct ip_esp_hdr { u32 spi; u32 seq_no; u8 enc_data[0]; }
            struct tcphdr {
              u16 source; u16 dest; u32 seq; u32 ack_seq;
              u16 ae:1; u16 res1:3; u16 doff:4; u16 fin:1; u16 syn:1; u16 rst:1; u16 psh:1; u16 ack:1; u16 urg:1;
              u16 ece:1; u16 cwr:1; u16 window; u16 check; u16 urg_ptr;
            }
            struct udphdr { u16 source; u16 dest; u16 len; u16 check; }
            struct sctphdr { u16 source; u16 dest; u32 vtag; u32 checksum; }
            struct sctp_chunkhdr { u8 type; u8 flags; u16 length; }
            struct icmphdr {
              u8 type; u8 code; u16 checksum;
              union {
                struct { u16 id; u16 sequence; } echo; u32 gateway; struct { u16 __unused; u16 mtu; } frag;
                u8 reserved[4];
              } un;
            }
            struct icmpv6_echo { u16 identifier; u16 sequence; }
            struct icmpv6_nd_advt { u32 reserved:5; u32 override:1; u32 solicited:1; u32 router:1; u32 reserved2:24; }
            struct icmpv6_nd_ra {
              u8 hop_limit; u8 reserved:3; u8 router_pref:2; u8 home_agent:1; u8 other:1; u8 managed:1; u16 rt_lifetime;
            }
            struct icmp6hdr {
              u8 icmp6_type; u8 icmp6_code; u16 icmp6_cksum;
              union {
                u32 un_data32[1]; u16 un_data16[2]; u8 un_data8[4];
                struct icmpv6_echo u_echo; struct icmpv6_nd_advt u_nd_advt; struct icmpv6_nd_ra u_nd_ra;
              } icmp6_dataun;
            }
            struct igmphdr { u8 type; u8 code; u16 csum; u32 group; }
            struct gre_base_hdr { u16 flags; u16 protocol; }
            struct gre_full_hdr { struct gre_base_hdr fixed_header; u16 csum; u16 reserved1; u32 key; u32 seq; }
            struct vxlanhdr { u32 vx_flags; u32 vx_vni; }
            struct genevehdr {
              u8 opt_len:6; u8 ver:2; u8 rsvd1:6; u8 critical:1; u8 oam:1; u16 proto_type; u8 vni[3]; u8 rsvd2;
              u8 options[0];
            }

            struct bpf_fib_lookup {
              u8 family; u8 l4_protocol; u16 sport; u16 dport; union { u16 tot_len; u16 mtu_result; } u32 ifindex;
              union { u8 tos; u32 flowinfo; u32 rt_metric; }
              union { u32 ipv4_src; u32 ipv6_src[4]; }
              union { u32 ipv4_dst; u32 ipv6_dst[4]; }
              union { struct { u16 h_vlan_proto; u16 h_vlan_TCI; } u32 tbid; }
              union { struct { u32 mark; } struct { u8 smac[6]; u8 dmac[6]; } }
            }
            struct bpf_redir_neigh { u32 nh_family; union { u32 ipv4_nh; u32 ipv6_nh[4]; } }
            struct bpf_sock {
              u32 bound_dev_if; u32 family; u32 type; u32 protocol; u32 mark; u32 priority; u32 src_ip4; u32 src_ip6[4];
              u32 src_port; u16 dst_port; u32 dst_ip4; u32 dst_ip6[4]; u32 state; s32 rx_queue_mapping;
            }
            struct bpf_tcp_sock {
              u32 snd_cwnd; u32 srtt_us; u32 rtt_min; u32 snd_ssthresh; u32 rcv_nxt; u32 snd_nxt; u32 snd_una;
              u32 mss_cache; u32 ecn_flags; u32 rate_delivered; u32 rate_interval_us; u32 packets_out; u32 retrans_out;
              u32 total_retrans; u32 segs_in; u32 data_segs_in; u32 segs_out; u32 data_segs_out; u32 lost_out;
              u32 sacked_out; u64 bytes_received; u64 bytes_acked; u32 dsack_dups; u32 delivered; u32 delivered_ce;
              u32 icsk_retransmits;
            }
            struct bpf_sock_tuple {
              union {
                struct { u32 saddr; u32 daddr; u16 sport; u16 dport; } ipv4;
                struct { u32 saddr[4]; u32 daddr[4]; u16 sport; u16 dport; } ipv6;
              }
            }
            struct bpf_xdp_sock { u32 queue_id; }
            struct bpf_devmap_val { u32 ifindex; union { s32 fd; u32 id; } bpf_prog; }
            struct bpf_cpumap_val { u32 qsize; union { s32 fd; u32 id; } bpf_prog; }
            struct bpf_lpm_trie_key_hdr { u32 prefixlen; }
            struct bpf_lpm_trie_key_u8 { union { struct bpf_lpm_trie_key_hdr hdr; u32 prefixlen; } u8 data[0]; }
            struct bpf_spin_lock { u32 val; }
            struct bpf_timer { u64 __opaque[2]; }
            struct bpf_dynptr { u64 __opaque[2]; }
            struct bpf_iter_num { u64 __opaque[1]; }
            struct bpf_ct_opts {
              s32 netns_id; s32 error; u8 l4proto; u8 dir; u16 ct_zone_id; u8 ct_zone_dir; u8 reserved[3];
            }

            enum bpf_map_type {
              BPF_MAP_TYPE_UNSPEC, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PROG_ARRAY,
              BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY,
              BPF_MAP_TYPE_STACK_TRACE, BPF_MAP_TYPE_CGROUP_ARRAY, BPF_MAP_TYPE_LRU_HASH,
              BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_LPM_TRIE, BPF_MAP_TYPE_ARRAY_OF_MAPS,
              BPF_MAP_TYPE_HASH_OF_MAPS, BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_CPUMAP,
              BPF_MAP_TYPE_XSKMAP, BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_CGROUP_STORAGE,
              BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, BPF_MAP_TYPE_QUEUE,
              BPF_MAP_TYPE_STACK, BPF_MAP_TYPE_SK_STORAGE, BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_STRUCT_OPS,
              BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_INODE_STORAGE, BPF_MAP_TYPE_TASK_STORAGE,
              BPF_MAP_TYPE_BLOOM_FILTER, BPF_MAP_TYPE_USER_RINGBUF, BPF_MAP_TYPE_CGRP_STORAGE,
              BPF_MAP_TYPE_ARENA
            }
            enum bpf_func_id {
              BPF_FUNC_map_lookup_elem = 1, BPF_FUNC_map_update_elem, BPF_FUNC_map_delete_elem,
              BPF_FUNC_ktime_get_ns = 5, BPF_FUNC_trace_printk, BPF_FUNC_get_prandom_u32,
              BPF_FUNC_get_smp_processor_id, BPF_FUNC_tail_call = 12, BPF_FUNC_get_current_pid_tgid = 14,
              BPF_FUNC_get_current_uid_gid, BPF_FUNC_get_current_comm, BPF_FUNC_get_cgroup_classid,
              BPF_FUNC_perf_event_read = 22, BPF_FUNC_redirect, BPF_FUNC_perf_event_output = 25,
              BPF_FUNC_csum_diff = 28, BPF_FUNC_get_current_task = 35, BPF_FUNC_current_task_under_cgroup =
              37, BPF_FUNC_get_numa_node_id = 42, BPF_FUNC_xdp_adjust_head = 44, BPF_FUNC_redirect_map = 51,
              BPF_FUNC_xdp_adjust_meta = 54, BPF_FUNC_perf_event_read_value, BPF_FUNC_xdp_adjust_tail = 65,
              BPF_FUNC_fib_lookup = 69, BPF_FUNC_get_current_cgroup_id = 80, BPF_FUNC_sk_lookup_tcp = 84,
              BPF_FUNC_sk_lookup_udp, BPF_FUNC_sk_release, BPF_FUNC_map_push_elem, BPF_FUNC_map_pop_elem,
              BPF_FUNC_map_peek_elem, BPF_FUNC_spin_lock = 93, BPF_FUNC_spin_unlock, BPF_FUNC_skc_lookup_tcp =
              99, BPF_FUNC_tcp_check_syncookie, BPF_FUNC_strtol = 105, BPF_FUNC_strtoul, BPF_FUNC_send_signal
              = 109, BPF_FUNC_tcp_gen_syncookie, BPF_FUNC_probe_read_user = 112, BPF_FUNC_probe_read_kernel,
              BPF_FUNC_probe_read_user_str, BPF_FUNC_probe_read_kernel_str, BPF_FUNC_send_signal_thread = 117,
              BPF_FUNC_jiffies64, BPF_FUNC_get_ns_current_pid_tgid = 120,
              BPF_FUNC_get_current_ancestor_cgroup_id = 123, BPF_FUNC_ktime_get_boot_ns = 125,
              BPF_FUNC_ringbuf_output = 130, BPF_FUNC_ringbuf_reserve, BPF_FUNC_ringbuf_submit,
              BPF_FUNC_ringbuf_discard, BPF_FUNC_ringbuf_query, BPF_FUNC_skc_to_tcp6_sock = 136,
              BPF_FUNC_skc_to_tcp_sock, BPF_FUNC_skc_to_tcp_timewait_sock, BPF_FUNC_skc_to_tcp_request_sock,
              BPF_FUNC_skc_to_udp6_sock, BPF_FUNC_get_task_stack, BPF_FUNC_copy_from_user = 148,
              BPF_FUNC_snprintf_btf, BPF_FUNC_per_cpu_ptr = 153, BPF_FUNC_this_cpu_ptr,
              BPF_FUNC_task_storage_get = 156, BPF_FUNC_task_storage_delete, BPF_FUNC_get_current_task_btf,
              BPF_FUNC_ktime_get_coarse_ns = 160, BPF_FUNC_check_mtu = 163, BPF_FUNC_for_each_map_elem,
              BPF_FUNC_snprintf, BPF_FUNC_timer_init = 169, BPF_FUNC_timer_set_callback, BPF_FUNC_timer_start,
              BPF_FUNC_timer_cancel, BPF_FUNC_task_pt_regs = 175, BPF_FUNC_get_branch_snapshot,
              BPF_FUNC_trace_vprintk, BPF_FUNC_skc_to_unix_sock, BPF_FUNC_find_vma = 180, BPF_FUNC_loop,
              BPF_FUNC_strncmp, BPF_FUNC_xdp_get_buff_len = 188, BPF_FUNC_xdp_load_bytes,
              BPF_FUNC_xdp_store_bytes, BPF_FUNC_copy_from_user_task, BPF_FUNC_kptr_xchg = 194,
              BPF_FUNC_map_lookup_percpu_elem, BPF_FUNC_skc_to_mptcp_sock, BPF_FUNC_dynptr_from_mem,
              BPF_FUNC_ringbuf_reserve_dynptr, BPF_FUNC_ringbuf_submit_dynptr,
              BPF_FUNC_ringbuf_discard_dynptr, BPF_FUNC_dynptr_read, BPF_FUNC_dynptr_write,
              BPF_FUNC_dynptr_data, BPF_FUNC_tcp_raw_gen_syncookie_ipv4, BPF_FUNC_tcp_raw_gen_syncookie_ipv6,
              BPF_FUNC_tcp_raw_check_syncookie_ipv4, BPF_FUNC_tcp_raw_check_syncookie_ipv6,
              BPF_FUNC_ktime_get_tai_ns, BPF_FUNC_user_ringbuf_drain, BPF_FUNC_cgrp_storage_get,
              BPF_FUNC_cgrp_storage_delete
            }
            """;

    private static final Pattern TOKEN = Pattern.compile("[A-Za-z_]\\w*|\\d+|[{}\\[\\];:*=,]");
    private static final Btf BTF = new KernelTypes().build();

    private final BtfBuilder builder = new BtfBuilder();
    private final Map<String, Type> known = new HashMap<>();
    private final List<String> tokens = new ArrayList<>();
    private int next;

    private record Scalar(String name, int size, boolean signed) {}

    private record Type(int id, int size, int alignment) {}

    private KernelTypes() {}

    /** The table of types. */
    public static Btf btf() {
        return BTF;
    }

    private Btf build() {
        Matcher matcher = TOKEN.matcher(TABLE);
        while (matcher.find()) {
            tokens.add(matcher.group());
        }
        while (next < tokens.size()) {
            String keyword = take();
            String name = take();
            known.put(keyword + " " + name, keyword.equals("enum") ? enumeration(name) : composite(keyword, name));
        }
        return builder.build();
    }

    private String take() {
        return tokens.get(next++);
    }

    private boolean skip(String token) {
        boolean found = next < tokens.size() && tokens.get(next).equals(token);
        if (found) {
            next++;
        }
        return found;
    }

    private void expect(String token) {
        if (!skip(token)) {
            throw new AssertionError("table of kernel types: expected " + token + " behind "
                    + tokens.subList(Math.max(0, next - 8), next));
        }
    }

    private int number() {
        return Integer.parseInt(take());
    }

    private Type enumeration(String name) {
        List<Enumerator> values = new ArrayList<>();
        long value = 0;
        expect("{");
        do {
            String enumerator = take();
            value = skip("=") ? number() : value;
            values.add(new Enumerator(enumerator, value++));
        } while (skip(","));
        expect("}");
        return new Type(builder.enumeration(name, 4, false, values), 4, 4);
    }

    /** From the brace on: natural alignment, bit fields within their type, as the x86-64 and BPF ABIs have it. */
    private Type composite(String keyword, String name) {
        boolean union = keyword.equals("union");
        List<Member> members = new ArrayList<>();
        int bits = 0;
        int largest = 0;
        int alignment = 1;
        expect("{");
        while (!skip("}")) {
            Type type = type();
            String member = isName() ? take() : "";
            while (skip("[")) {
                int count = number();
                expect("]");
                type = new Type(builder.array(type.id, scalar("u32").id, count), type.size * count, type.alignment);
            }
            int width = skip(":") ? number() : 0;
            skip(";");
            int unit = 8 * (width == 0 ? type.alignment : type.size);
            int at = union ? 0 : bits;
            if (width == 0 || at / unit != (at + width - 1) / unit) {
                at = (at + unit - 1) / unit * unit;
            }
            members.add(new Member(member, type.id, at, width));
            bits = at + (width == 0 ? 8 * type.size : width);
            largest = Math.max(largest, bits);
            alignment = Math.max(alignment, type.alignment);
        }
        if (skip("aligned")) {
            alignment = number();
        }
        int size = ((largest + 7) / 8 + alignment - 1) / alignment * alignment;
        int id = union ? builder.union(name, size, members) : builder.struct(name, size, members);
        return new Type(id, size, alignment);
    }

    private boolean isName() {
        return Character.isJavaIdentifierStart(tokens.get(next).charAt(0))
                && tokens.get(next - 1).charAt(0) != ';'
                && !isType(tokens.get(next));
    }

    private static boolean isType(String word) {
        return SCALARS.containsKey(word)
                || word.equals("struct")
                || word.equals("union")
                || word.equals("enum")
                || word.equals("void");
    }

    private Type type() {
        String keyword = take();
        Type type;
        if (keyword.equals("void")) {
            type = new Type(0, 0, 1);
        } else if (SCALARS.containsKey(keyword)) {
            type = scalar(keyword);
        } else if (tokens.get(next).equals("{")) {
            type = composite(keyword, "");
        } else {
            String name = take();
            Type named = known.get(keyword + " " + name);
            if (named == null && !tokens.get(next).equals("*")) {
                throw new AssertionError("table of kernel types: unknown " + keyword + " " + name);
            }
            type = named != null
                    ? named
                    : known.computeIfAbsent("forward " + name, key -> new Type(builder.forward(name, false), 0, 1));
        }
        while (skip("*")) {
            type = new Type(builder.pointer(type.id), 8, 8);
        }
        return type;
    }

    private Type scalar(String word) {
        return known.computeIfAbsent(word, key -> {
            Scalar scalar = SCALARS.get(key);
            if (scalar == null) {
                throw new AssertionError("table of kernel types: unknown " + key);
            }
            return new Type(builder.integer(scalar.name, scalar.size, scalar.signed), scalar.size, scalar.size);
        });
    }

    /** Whether a table is this one, which does not have everything. */
    static boolean isPartial(@Nullable Btf target) {
        return BTF.equals(target);
    }
}
