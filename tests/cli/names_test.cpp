// Readable names, held against what g++ 12 and clang 16 really call coroutines: std::source_location::function_name()
// in await_transform() of Asio 1.22's awaitable, and the symbols of the coroutines' bodies.

#include "names.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "demangle.hpp"
#include "operation_names.hpp"
#include "type_names.hpp"

namespace tasks::cli {
namespace {

using detail::bare_name;
using detail::make_readable;

struct sample {
  const char* raw;
  const char* readable;
};
void PrintTo(const sample& s, std::ostream* out) { *out << s.readable; }

class Name : public ::testing::TestWithParam<sample> {};
TEST_P(Name, OfAUsersFunctionIsReadable) {
  const auto name = make_readable(GetParam().raw);
  EXPECT_EQ(name.text, GetParam().readable) << GetParam().raw;
  EXPECT_FALSE(name.plumbing) << GetParam().raw;
}

class Plumbing : public ::testing::TestWithParam<sample> {};
TEST_P(Plumbing, OfAsioIsKnownAsSuch) {
  const auto name = make_readable(GetParam().raw);
  EXPECT_EQ(name.text, GetParam().readable) << GetParam().raw;
  EXPECT_TRUE(name.plumbing) << GetParam().raw;
}

const sample gcc[] = {
    {"void worker(worker(int)::_Z6workeri.Frame*)", "worker(int)"},
    {"void worker(worker(std::shared_ptr<asio::experimental::basic_concurrent_channel<asio::any_io_executo"
     "r, asio::experimental::channel_traits<>, void(std::error_code, std::__cxx11::basic_string<char, std:"
     ":char_traits<char>, std::allocator<char> >)> >)::_Z6workerSt10shared_ptrIN4asio12experimental24basic"
     "_concurrent_channelINS0_15any_io_executorENS1_14channel_traitsIJEEEJFvSt10error_codeNSt7__cxx1112bas"
     "ic_stringIcSt11char_traitsIcESaIcEEEEEEEE.Frame*)",
     "worker(std::shared_ptr<concurrent_channel<void(std::error_code, std::string)>>)"},
    {"void main()::<lambda(auto:52)>::operator()(main()::<lambda(auto:52)>::_ZZ4mainENKUlT_E0_clISt10share"
     "d_ptrIN4asio12experimental24basic_concurrent_channelINS3_15any_io_executorENS4_14channel_traitsIJEEE"
     "JFvSt10error_codeNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEEEEEEENS3_9awaitableIvS6_EES_."
     "Frame*)",
     "main()::<lambda(auto)>"},
    {"void inner(inner(chan&)::_Z5innerRN4asio12experimental24basic_concurrent_channelINS_15any_io_executo"
     "rENS0_14channel_traitsIJEEEJFvSt10error_codeNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEEEE"
     ".Frame*)",
     "inner(chan&)"},
    {"void str(str(std::string, const std::string&, std::string_view)::_Z3strNSt7__cxx1112basic_stringIcSt"
     "11char_traitsIcESaIcEEERKS4_St17basic_string_viewIcS2_E.Frame*)",
     "str(std::string, const std::string&, std::string_view)"},
    {"void deep(deep(std::vector<std::__cxx11::basic_string<char> >, std::map<int, std::__cxx11::basic_str"
     "ing<char> >, std::function<void(int)>)::_Z4deepSt6vectorINSt7__cxx1112basic_stringIcSt11char_traitsI"
     "cESaIcEEESaIS5_EESt3mapIiS5_St4lessIiESaISt4pairIKiS5_EEESt8functionIFviEE.Frame*)",
     "deep(std::vector<std::string>, std::map<int, std::string>, std::function<void(int)>)"},
    {"void session(session(asio::ip::tcp::socket)::_Z7sessionN4asio19basic_stream_socketINS_2ip3tcpENS_15a"
     "ny_io_executorEEE.Frame*)",
     "session(tcp::socket)"},
    {"void sessionr(sessionr(asio::ip::tcp::socket&, asio::ip::tcp::acceptor&, asio::steady_timer&)::_Z8se"
     "ssionrRN4asio19basic_stream_socketINS_2ip3tcpENS_15any_io_executorEEERNS_21basic_socket_acceptorIS2_"
     "S3_EERNS_20basic_waitable_timerINSt6chrono3_V212steady_clockENS_11wait_traitsISC_EES3_EE.Frame*)",
     "sessionr(tcp::socket&, tcp::acceptor&, steady_timer&)"},
    {"void optr(optr(void (*)(int), std::unique_ptr<int>, const char*)::_Z4optrPFviESt10unique_ptrIiSt14de"
     "fault_deleteIiEEPKc.Frame*)",
     "optr(void (*)(int), std::unique_ptr<int>, const char*)"},
    {"void app::server::run(app::server::run(int)::_ZN3app6server3runEi.Frame*)", "app::server::run(int)"},
    {"void app::server::run(int)::<lambda(std::string)>::operator()(app::server::run(int)::<lambda(std::st"
     "ring)>::_ZZN3app6server3runEiENKUlNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE_clES6_.Frame"
     "*)",
     "app::server::run(int)::<lambda(std::string)>"},
    {"void app::server::crun(app::server::crun() const::_ZNK3app6server4crunEv.Frame*)", "app::server::crun()"},
    {"void app::server::srun(app::server::srun()::_ZN3app6server4srunEv.Frame*)", "app::server::srun()"},
    {"void app::server::trun(app::server::trun<std::__cxx11::basic_string<char> >(std::__cxx11::basic_stri"
     "ng<char>)::_ZN3app6server4trunINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEEN4asio9awaitabl"
     "eIvNS8_15any_io_executorEEET_.Frame*)",
     "app::server::trun<std::string>(std::string)"},
    {"void app::server::operator()(app::server::operator()()::_ZN3app6serverclEv.Frame*)", "app::server::operator()()"},
    {"void app::server::operator<(app::server::operator<(int)::_ZN3app6serverltEi.Frame*)",
     "app::server::operator<(int)"},
    {"void app::box<std::__cxx11::basic_string<char> >::get(app::box<std::__cxx11::basic_string<char> >::g"
     "et(std::__cxx11::basic_string<char>)::_ZN3app3boxINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcE"
     "EEE3getES6_.Frame*)",
     "app::box<std::string>::get(std::string)"},
    {"void app::box<int>::in::f(app::box<int>::in::f()::_ZN3app3boxIiE2in1fEv.Frame*)", "app::box<int>::in::f()"},
    {"void app::v1::vf(vf(app::server)::_ZN3app2v12vfENS_6serverE.Frame*)", "app::v1::vf(app::server)"},
    {"void {anonymous}::anon(anon(int, long unsigned int)::_ZN12_GLOBAL__N_14anonEim.Frame*)",
     "anon(int, unsigned long)"},
    {"void {anonymous}::local::m({anonymous}::local::m()::_ZN12_GLOBAL__N_15local1mEv.Frame*)", "local::m()"},
    {"void templ(templ<std::__cxx11::basic_string<char> >(std::__cxx11::basic_string<char>)::_Z5templINSt7"
     "__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEN4asio9awaitableIT_NS6_15any_io_executorEEES8_.Fram"
     "e*)",
     "templ<std::string>(std::string)"},
    {"void templ2(templ2<int, 3>()::_Z6templ2IiLi3EEN4asio9awaitableIT_NS0_15any_io_executorEEEv.Frame*)",
     "templ2<int, 3>()"},
    {"void vari(vari<int, double>(int, double)::_Z4variIJidEEN4asio9awaitableIvNS0_15any_io_executorEEEDpT"
     "_.Frame*)",
     "vari<int, double>(int, double)"},
    {"void autof(autof(int)::_Z5autofi.Frame*)", "autof(int)"},
    {"void dflt(dflt<int>(int)::_Z4dfltIiEN4asio9awaitableIvNS0_15any_io_executorEEET_.Frame*)", "dflt<int>(int)"},
    {"void main()::<lambda()>::operator()(main()::<lambda()>::_ZZ4mainENKUlvE1_clEv.Frame*)", "main()::<lambda()>"},
    {"void main()::<lambda(std::shared_ptr<asio::experimental::basic_concurrent_channel<asio::any_io_execu"
     "tor, asio::experimental::channel_traits<>, void(std::error_code, std::__cxx11::basic_string<char, st"
     "d::char_traits<char>, std::allocator<char> >)> >, int)>::operator()(main()::<lambda(std::shared_ptr<"
     "asio::experimental::basic_concurrent_channel<asio::any_io_executor, asio::experimental::channel_trai"
     "ts<>, void(std::error_code, std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<"
     "char> >)> >, int)>::_ZZ4mainENKUlSt10shared_ptrIN4asio12experimental24basic_concurrent_channelINS0_1"
     "5any_io_executorENS1_14channel_traitsIJEEEJFvSt10error_codeNSt7__cxx1112basic_stringIcSt11char_trait"
     "sIcESaIcEEEEEEEEiE2_clESF_i.Frame*)",
     "main()::<lambda(std::shared_ptr<concurrent_channel<void(std::error_code, std::string)>>, int)>"},
    {"void main()::<lambda()>::operator()(main()::<lambda()>::_ZZ4mainENKUlvE3_clEv.Frame*)", "main()::<lambda()>"},
    {"void main()::<lambda()>::<lambda()>::operator()(main()::<lambda()>::<lambda()>::_ZZZ4mainENKUlvE3_cl"
     "EvENKUlvE_clEv.Frame*)",
     "main()::<lambda()>::<lambda()>"},
    {"void main()::<lambda()>::operator()(main()::<lambda()>::_ZZ4mainENKUlvE4_clEv.Frame*)", "main()::<lambda()>"},
    {"void main()::<lambda()>::operator()(main()::<lambda()>::_ZZ4mainENKUlvE5_clEv.Frame*)", "main()::<lambda()>"},
    {"void main()::<lambda()>::operator()(main()::<lambda()>::_ZZ4mainENKUlvE6_clEv.Frame*)", "main()::<lambda()>"},
    {"main()::<lambda()>", "main()::<lambda()>"},
};
INSTANTIATE_TEST_SUITE_P(Gcc, Name, ::testing::ValuesIn(gcc));

const sample clang[] = {
    {"awaitable<void> worker(int)", "worker(int)"},
    {"awaitable<void> worker(std::shared_ptr<chan>)", "worker(std::shared_ptr<chan>)"},
    {"auto main()::(anonymous class)::operator()(auto) const [c:auto = std::shared_ptr<asio::experimental:"
     ":basic_concurrent_channel<asio::any_io_executor, asio::experimental::channel_traits<>, void (std::er"
     "ror_code, std::basic_string<char>)>>]",
     "main()::<lambda(auto)>"},
    {"awaitable<int> inner(chan &)", "inner(chan&)"},
    {"awaitable<std::string> str(std::string, const std::string &, std::string_view)",
     "str(std::string, const std::string&, std::string_view)"},
    {"awaitable<std::vector<std::map<std::string, int>>> deep(std::vector<std::string>, std::map<int, std:"
     ":string>, std::function<void (int)>)",
     "deep(std::vector<std::string>, std::map<int, std::string>, std::function<void(int)>)"},
    {"awaitable<void> session(tcp::socket)", "session(tcp::socket)"},
    {"awaitable<void> sessionr(tcp::socket &, tcp::acceptor &, asio::steady_timer &)",
     "sessionr(tcp::socket&, tcp::acceptor&, steady_timer&)"},
    {"awaitable<void> optr(void (*)(int), std::unique_ptr<int>, const char *)",
     "optr(void (*)(int), std::unique_ptr<int>, const char*)"},
    {"awaitable<void> app::server::run(int)", "app::server::run(int)"},
    {"auto app::server::run(int)::(anonymous class)::operator()(std::string) const",
     "app::server::run(int)::<lambda(std::string)>"},
    {"awaitable<void> app::server::crun() const", "app::server::crun()"},
    {"static awaitable<void> app::server::srun()", "app::server::srun()"},
    {"awaitable<void> app::server::trun(T) [T = std::basic_string<char>]", "app::server::trun(std::string)"},
    {"awaitable<void> app::server::operator()()", "app::server::operator()()"},
    {"awaitable<bool> app::server::operator<(int)", "app::server::operator<(int)"},
    {"awaitable<void> app::box<std::basic_string<char>>::get(T) [T = std::basic_string<char>]",
     "app::box<std::string>::get(std::string)"},
    {"awaitable<T> app::box<int>::in::f() [T = int]", "app::box<int>::in::f()"},
    {"awaitable<void> app::vf(server)", "app::vf(server)"},
    {"awaitable<void> (anonymous namespace)::anon(int, unsigned long)", "anon(int, unsigned long)"},
    {"awaitable<void> (anonymous namespace)::local::m()", "local::m()"},
    {"awaitable<T> templ(T) [T = std::basic_string<char>]", "templ(std::string)"},
    {"awaitable<T> templ2() [T = int, N = 3]", "templ2()"},
    {"awaitable<void> vari(T...) [T = <int, double>]", "vari(int, double)"},
    {"awaitable<void> autof(int)", "autof(int)"},
    {"awaitable<void> dflt(auto) [x:auto = int]", "dflt(auto)"},
    {"auto main()::(anonymous class)::operator()() const", "main()::<lambda()>"},
    {"auto main()::(anonymous class)::operator()(std::shared_ptr<chan>, int) const",
     "main()::<lambda(std::shared_ptr<chan>, int)>"},
    {"auto main()::(anonymous class)::operator()()::(anonymous class)::operator()() const",
     "main()::<lambda()>::<lambda()>"},
};
INSTANTIATE_TEST_SUITE_P(Clang, Name, ::testing::ValuesIn(clang));

const sample symbols[] = {
    {"_Z3strPZ3strNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERKS4_St17basic_string_viewIcS2_EE96_"
     "Z3strNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERKS4_St17basic_string_viewIcS2_E.Frame.acto"
     "r",
     "str(std::string, const std::string&, std::string_view)"},
    {"_Z4optrPZ4optrPFviESt10unique_ptrIiSt14default_deleteIiEEPKcE59_Z4optrPFviESt10unique_ptrIiSt14defau"
     "lt_deleteIiEEPKc.Frame.actor",
     "optr(void (*)(int), std::unique_ptr<int>, const char*)"},
    {"_Z4variPZ4variIJidEEN4asio9awaitableIvNS0_15any_io_executorEEEDpT_E65_Z4variIJidEEN4asio9awaitableIv"
     "NS0_15any_io_executorEEEDpT_.Frame.actor",
     "vari<int, double>(int, double)"},
    {"_Z5autofPZ5autofiE15_Z5autofi.Frame.actor", "autof(int)"},
    {"_Z5templPZ5templINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEN4asio9awaitableIT_NS6_15any_i"
     "o_executorEEES8_E114_Z5templINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEN4asio9awaitableIT"
     "_NS6_15any_io_executorEEES8_.Frame.actor",
     "templ<std::string>(std::string)"},
    {"_Z6templ2PZ6templ2IiLi3EEN4asio9awaitableIT_NS0_15any_io_executorEEEvE66_Z6templ2IiLi3EEN4asio9await"
     "ableIT_NS0_15any_io_executorEEEv.Frame.actor",
     "templ2<int, 3>()"},
    {"_Z6workerPZ6workeriE16_Z6workeri.Frame.actor", "worker(int)"},
    {"_Z7sessionPZ7sessionN4asio19basic_stream_socketINS_2ip3tcpENS_15any_io_executorEEEE78_Z7sessionN4asi"
     "o19basic_stream_socketINS_2ip3tcpENS_15any_io_executorEEE.Frame.actor",
     "session(tcp::socket)"},
    {"_ZN12_GLOBAL__N_14anonEPZNS_4anonEimE31_ZN12_GLOBAL__N_14anonEim.Frame.actor", "anon(int, unsigned long)"},
    {"_ZN12_GLOBAL__N_15local1mEPZNS0_1mEvE33_ZN12_GLOBAL__N_15local1mEv.Frame.actor", "local::m()"},
    {"_ZN3app2v12vfEPZNS0_2vfENS_6serverEE31_ZN3app2v12vfENS_6serverE.Frame.actor", "app::v1::vf(app::server)"},
    {"_ZN3app3boxINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE3getEPZNS7_3getES6_E79_ZN3app3boxIN"
     "St7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE3getES6_.Frame.actor",
     "app::box<std::string>::get(std::string)"},
    {"_ZN3app3boxIiE2in1fEPZNS2_1fEvE27_ZN3app3boxIiE2in1fEv.Frame.actor", "app::box<int>::in::f()"},
    {"_ZN3app6server3runEPZNS0_3runEiE26_ZN3app6server3runEi.Frame.actor", "app::server::run(int)"},
    {"_ZN3app6server4crunEPZNKS0_4crunEvE28_ZNK3app6server4crunEv.Frame.actor", "app::server::crun()"},
    {"_ZN3app6server4srunEPZNS0_4srunEvE27_ZN3app6server4srunEv.Frame.actor", "app::server::srun()"},
    {"_ZN3app6serverclEPZNS0_clEvE24_ZN3app6serverclEv.Frame.actor", "app::server::operator()()"},
    {"_ZN3app6serverltEPZNS0_ltEiE24_ZN3app6serverltEi.Frame.actor", "app::server::operator<(int)"},
    {"_ZZ4mainENUlvE1_clEPZZ4mainENKS_clEvE27_ZZ4mainENKUlvE1_clEv.Frame.actor", "main()::<lambda()>"},
    {"_ZZN3app6server3runEiENUlNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE_clEPZZNS0_3runEiENKS7"
     "_clES6_E92_ZZN3app6server3runEiENKUlNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE_clES6_.Fra"
     "me.actor",
     "app::server::run(int)::<lambda(std::string)>"},
    {"_ZZZ4mainENKUlvE3_clEvENUlvE_clEPZZZ4mainENKS_clEvENKS0_clEvE40_ZZZ4mainENKUlvE3_clEvENKUlvE_clEv.Fr"
     "ame.actor",
     "main()::<lambda()>::<lambda()>"},
    {"_Z3strNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERKS4_St17basic_string_viewIcS2_E.resume",
     "str(std::string, const std::string&, std::string_view)"},
    {"_Z4deepSt6vectorINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESaIS5_EESt3mapIiS5_St4lessIiESa"
     "ISt4pairIKiS5_EEESt8functionIFviEE.resume",
     "deep(std::vector<std::string>, std::map<int, std::string>, std::function<void(int)>)"},
    {"_Z4optrPFviESt10unique_ptrIiSt14default_deleteIiEEPKc.resume",
     "optr(void (*)(int), std::unique_ptr<int>, const char*)"},
    {"_Z5autofi.resume", "autof(int)"},
    {"_Z5templINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEN4asio9awaitableIT_NS6_15any_io_execut"
     "orEEES8_.resume",
     "templ<std::string>(std::string)"},
    {"_Z6workerSt10shared_ptrIN4asio12experimental24basic_concurrent_channelINS0_15any_io_executorENS1_14c"
     "hannel_traitsIJEEEJFvSt10error_codeNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEEEEE.resume",
     "worker(std::shared_ptr<concurrent_channel<void(std::error_code, std::string)>>)"},
    {"_Z6workeri.resume", "worker(int)"},
    {"_ZN12_GLOBAL__N_14anonEim.resume", "anon(int, unsigned long)"},
    {"_ZN12_GLOBAL__N_15local1mEv.resume", "local::m()"},
    {"_ZN3app2v12vfENS_6serverE.resume", "app::v1::vf(app::server)"},
    {"_ZN3app3boxINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE3getES6_.resume",
     "app::box<std::string>::get(std::string)"},
    {"_ZN3app3boxIiE2in1fEv.resume", "app::box<int>::in::f()"},
    {"_ZN3app6server3runEi.resume", "app::server::run(int)"},
    {"_ZN3app6server4srunEv.resume", "app::server::srun()"},
    {"_ZN3app6server4trunINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEEN4asio9awaitableIvNS8_15an"
     "y_io_executorEEET_.resume",
     "app::server::trun<std::string>(std::string)"},
    {"_ZN3app6serverclEv.resume", "app::server::operator()()"},
    {"_ZN3app6serverltEi.resume", "app::server::operator<(int)"},
    {"_ZNK3app6server4crunEv.resume", "app::server::crun()"},
    {"_ZZ4mainENK3$_1clEv.resume", "main()::<lambda()>"},
    {"_ZZ4mainENK3$_2clISt10shared_ptrIN4asio12experimental24basic_concurrent_channelINS2_15any_io_executo"
     "rENS3_14channel_traitsIJEEEJFvSt10error_codeNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEEEE"
     "EEENS2_9awaitableIvS5_EET_.resume",
     "main::<lambda>"},
    {"_ZZ4mainENK3$_4clESt10shared_ptrIN4asio12experimental24basic_concurrent_channelINS1_15any_io_executo"
     "rENS2_14channel_traitsIJEEEJFvSt10error_codeNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEEEEE"
     "Ei.resume",
     "main()::<lambda(std::shared_ptr<concurrent_channel<void(std::error_code, std::string)>>, int)>"},
    {"_ZZN3app6server3runEiENKUlNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEE_clES6_.resume",
     "app::server::run(int)::<lambda(std::string)>"},
    {"_ZZZ4mainENK3$_5clEvENKUlvE_clEv.resume", "main()::<lambda()>::<lambda()>"},
};
INSTANTIATE_TEST_SUITE_P(Symbols, Name, ::testing::ValuesIn(symbols));

// Of programs on Boost.Beast, and on other executors than any_io_executor. clang 16's symbols.
const sample ugly[] = {
    {"_Z2f1RN5boost5beast9websocket6streamINS0_12basic_streamINS_4asio2ip3tcpENS4_15any_io_executorENS0_21unli"
     "mited_rate_policyEEELb1EEE.resume",
     "f1(websocket::stream<tcp_stream>&)"},
    {"_Z2f2RN5boost5beast9websocket6streamINS0_10ssl_streamINS0_12basic_streamINS_4asio2ip3tcpENS5_15any_io_ex"
     "ecutorENS0_21unlimited_rate_policyEEEEELb1EEERNS0_17basic_flat_bufferISaIcEEE.resume",
     "f2(websocket::stream<ssl_stream<tcp_stream>>&, flat_buffer&)"},
    {"_Z2f3N5boost5beast12basic_streamINS_4asio2ip3tcpENS2_15use_awaitable_tINS2_15any_io_executorEE21executor"
     "_with_defaultIS6_EENS0_21unlimited_rate_policyEEERNS0_4http7messageILb1ENSC_17basic_string_bodyIcSt11cha"
     "r_traitsIcESaIcEEENSC_12basic_fieldsISH_EEEE.resume",
     "f3(tcp_stream, http::request<http::string_body>&)"},
    {"_Z2f4N5boost4asio19basic_stream_socketINS0_2ip3tcpENS0_15use_awaitable_tINS0_15any_io_executorEE21execut"
     "or_with_defaultIS5_EEEERNS0_21basic_socket_acceptorIS3_S8_EERNS0_20basic_waitable_timerINSt6chrono3_V212"
     "steady_clockENS0_11wait_traitsISG_EES8_EERNSD_ISG_SI_NS0_10as_tuple_tIS6_E21executor_with_defaultIS5_EEE"
     "E.resume",
     "f4(tcp::socket, tcp::acceptor&, steady_timer&, steady_timer&)"},
    {"_Z2f5RN5boost5beast12basic_streamINS_4asio2ip3tcpENS2_6strandINS2_10io_context19basic_executor_typeISaIv"
     "ELm0EEEEENS0_21unlimited_rate_policyEEERNS0_4http6parserILb1ENSE_17basic_string_bodyIcSt11char_traitsIcE"
     "SaIcEEESJ_EERNSE_7messageILb0ENSE_18basic_dynamic_bodyINS0_18basic_multi_bufferISJ_EEEENSE_12basic_field"
     "sISJ_EEEE.resume",
     "f5(tcp_stream&, http::request_parser<http::string_body>&, http::response<http::dynamic_body>&)"},
    {"_Z2f6RN5boost4asio19basic_stream_socketINS0_2ip3tcpENS0_10io_context19basic_executor_typeISaIvELm0EEEEE."
     "resume",
     "f6(tcp::socket&)"},
    {"_Z2f7RN5boost4asio12experimental13basic_channelINS0_15any_io_executorENS1_14channel_traitsIJEEEJFvNS_6sy"
     "stem10error_codeESt10shared_ptrISt6vectorIhSaIhEEEEEEENS0_6strandIS3_EENSG_INS0_10io_context19basic_exec"
     "utor_typeISaIvELm0EEEEENS0_11thread_pool19basic_executor_typeISK_Lj0EEESL_.resume",
     "f7(channel<void(error_code, std::shared_ptr<std::vector<unsigned char>>)>&, strand, strand, thread_pool:"
     ":executor_type, io_context::executor_type)"},
    {"_Z2f8RN5boost4asio3ssl6streamINS0_19basic_stream_socketINS0_2ip3tcpENS0_15any_io_executorEEEEENS4_22basi"
     "c_resolver_resultsIS5_EENS4_14basic_endpointIS5_EERNS0_21basic_datagram_socketINS4_3udpES6_EERNS3_INS0_5"
     "local15stream_protocolES6_EERNS0_5posix23basic_stream_descriptorIS6_EE.resume",
     "f8(ssl::stream<tcp::socket>&, tcp::resolver::results_type, tcp::endpoint, udp::socket&, local::stream_pr"
     "otocol::socket&, posix::stream_descriptor&)"},
    {"_Z2f9IN5boost5beast12basic_streamINS0_4asio2ip3tcpENS3_15any_io_executorENS1_21unlimited_rate_policyEEEE"
     "NS3_9awaitableIvS6_EESt10unique_ptrINS1_9websocket6streamIT_Lb1EEESt14default_deleteISF_EESt8functionIFv"
     "NS0_6system10error_codeEEENSt6chrono8durationIlSt5ratioILl1ELl1000000000EEEESS_NSO_10time_pointINSO_3_V2"
     "12steady_clockESS_EENSP_IlSQ_ILl1ELl1EEEE.resume",
     "f9<tcp_stream>(std::unique_ptr<websocket::stream<tcp_stream>>, std::function<void(error_code)>, std::chr"
     "ono::nanoseconds, std::chrono::nanoseconds, std::chrono::steady_clock::time_point, std::chrono::seconds)"},
    {"_Z3f10St13unordered_mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt6vectorISt4pairIiS5_ESaIS8"
     "_EESt4hashIS5_ESt8equal_toIS5_ESaIS7_IKS5_SA_EEESt3setIS5_St4lessIS5_ESaIS5_EESt7variantIJSt9monostateiE"
     "ERSt5arrayIcLm1024EEPN5boost4asio22any_completion_handlerIJFviEEEENSV_14mutable_bufferESt4spanIKcLm18446"
     "744073709551615EENSt15__exception_ptr13exception_ptrE.resume",
     "f10(std::unordered_map<std::string, std::vector<std::pair<int, std::string>>>, std::set<std::string>, st"
     "d::variant<std::monostate, int>, std::array<char, 1024>&, any_completion_handler<void(int)>*, mutable_bu"
     "ffer, std::span<const char>, std::exception_ptr)"},
    {"_Z3napIN5boost4asio10io_context19basic_executor_typeISaIvELm0EEEENS1_9awaitableIvT_EEv.resume",
     "nap<io_context::executor_type>()"},
    {"_Z3napIN5boost4asio15any_io_executorEENS1_9awaitableIvT_EEv.resume", "nap<any_io_executor>()"},
    {"_Z3napIN5boost4asio6strandINS1_10io_context19basic_executor_typeISaIvELm0EEEEEENS1_9awaitableIvT_EEv.res"
     "ume",
     "nap<strand>()"},
    {"_ZN6serverIN5boost4asio15any_io_executorEE3runERNS1_21basic_socket_acceptorINS1_2ip3tcpES2_EE.resume",
     "server<any_io_executor>::run(tcp::acceptor&)"},
    {"_ZN6serverIN5boost4asio6strandINS1_10io_context19basic_executor_typeISaIvELm0EEEEEE3runERNS1_21basic_soc"
     "ket_acceptorINS1_2ip3tcpES7_EE.resume",
     "server<strand>::run(tcp::acceptor&)"},
    {"_ZN7company8platform10networking9transport7sessionIN5boost5beast9websocket6streamINS5_10ssl_streamINS5_1"
     "2basic_streamINS4_4asio2ip3tcpENSA_15any_io_executorENS5_21unlimited_rate_policyEEEEELb1EEENS5_4http17ba"
     "sic_string_bodyIcSt11char_traitsIcESaIcEEEE29acquire_connection_with_retryERSt3mapINS2_8pool_keyESt10sha"
     "red_ptrISH_ESt4lessISQ_ESaISt4pairIKSQ_SS_EEESt8optionalINSt6chrono8durationIlSt5ratioILl1ELl1000EEEEERK"
     "St8functionIFvNS4_6system10error_codeEmEE.resume",
     "company::platform::networking::transport::session<websocket::stream<ssl_stream<tcp_stream>>, http::strin"
     "g_body>::acquire_connection_with_retry(std::map<company::platform::networking::transport::pool_key, std:"
     ":shared_ptr<websocket::stream<ssl_stream<tcp_stream>>>>&, std::optional<std::chrono::milliseconds>, cons"
     "t std::function<void(error_code, unsigned long)>&)"},
    {"_ZZN6serverIN5boost4asio15any_io_executorEE3runERNS1_21basic_socket_acceptorINS1_2ip3tcpES2_EEENKUlT_E_c"
     "lIiEENS1_9awaitableIvS2_EES9_.resume",
     "server<any_io_executor>::run(tcp::acceptor&)::<lambda(auto)>"},
    {"_ZZN6serverIN5boost4asio6strandINS1_10io_context19basic_executor_typeISaIvELm0EEEEEE3runERNS1_21basic_so"
     "cket_acceptorINS1_2ip3tcpES7_EEENKUlT_E_clIiEENS1_9awaitableIvNS1_15any_io_executorEEESE_.resume",
     "server<strand>::run(tcp::acceptor&)::<lambda(auto)>"},
};
INSTANTIATE_TEST_SUITE_P(Ugly, Name, ::testing::ValuesIn(ugly));

const sample asio[] = {
    {"asio::awaitable<void, Executor> asio::experimental::awaitable_operators::operator&&(asio::awaitable<"
     "void, Executor>, asio::awaitable<void, Executor>) [with Executor = asio::any_io_executor]",
     "asio::experimental::awaitable_operators::operator&&(awaitable<void>, awaitable<void>)"},
    {"asio::awaitable<std::variant<std::monostate, std::monostate>, Executor> asio::experimental::awaitabl"
     "e_operators::operator||(asio::awaitable<void, Executor>, asio::awaitable<void, Executor>) [with Exec"
     "utor = asio::any_io_executor]",
     "asio::experimental::awaitable_operators::operator||(awaitable<void>, awaitable<void>)"},
    {"awaitable<awaitable_thread_entry_point, Executor> asio::detail::co_spawn_entry_point(awaitable<void,"
     " Executor> *, Executor, F, Handler) [Executor = asio::any_io_executor, F = (lambda at s.cpp:92:55), "
     "Handler = asio::detail::detached_handler]",
     "asio::detail::co_spawn_entry_point(awaitable<void>*, any_io_executor, (lambda at s.cpp:92:55), detai"
     "l::detached_handler)"},
    {"static return_type asio::async_result<asio::use_awaitable_t<>, void ()>::initiate(Initiation, use_aw"
     "aitable_t<Executor>, InitArgs...) [CompletionToken = asio::use_awaitable_t<>, Signatures = <void ()>"
     ", Initiation = asio::detail::initiate_dispatch, InitArgs = <>]",
     "asio::async_result<use_awaitable_t<>, void()>::initiate(detail::initiate_dispatch, use_awaitable_t<E"
     "xecutor>)"},
    {"awaitable<awaitable_thread_entry_point, Executor> asio::detail::co_spawn_entry_point(awaitable<void,"
     " Executor> *, Executor, F, Handler) [Executor = asio::any_io_executor, F = asio::detail::awaitable_a"
     "s_function<void, asio::any_io_executor>, Handler = asio::detail::detached_handler]",
     "asio::detail::co_spawn_entry_point(awaitable<void>*, any_io_executor, detail::awaitable_as_function<"
     "void>, detail::detached_handler)"},
    {"awaitable<awaitable_thread_entry_point, Executor> asio::detail::co_spawn_entry_point(awaitable<T, Ex"
     "ecutor> *, Executor, F, Handler) [T = int, Executor = asio::any_io_executor, F = asio::detail::await"
     "able_as_function<int, asio::any_io_executor>, Handler = asio::detail::detached_handler]",
     "asio::detail::co_spawn_entry_point(awaitable<int>*, any_io_executor, detail::awaitable_as_function<i"
     "nt>, detail::detached_handler)"},
    {"asio::awaitable<asio::detail::awaitable_thread_entry_point, Executor> asio::detail::co_spawn_entry_p"
     "oint(asio::awaitable<T, Executor>*, Executor, F, Handler) [with T = int; Executor = asio::any_io_exe"
     "cutor; F = awaitable_as_function<int, asio::any_io_executor>; Handler = detached_handler]",
     "asio::detail::co_spawn_entry_point(awaitable<int>*, any_io_executor, awaitable_as_function<int>, det"
     "ached_handler)"},
    {"awaitable<awaitable_thread_entry_point, Executor> asio::detail::co_spawn_entry_point(awaitable<T, Ex"
     "ecutor> *, Executor, F, Handler) [T = bool, Executor = asio::any_io_executor, F = asio::detail::awai"
     "table_as_function<bool, asio::any_io_executor>, Handler = asio::detail::detached_handler]",
     "asio::detail::co_spawn_entry_point(awaitable<bool>*, any_io_executor, detail::awaitable_as_function<"
     "bool>, detail::detached_handler)"},
    {"asio::awaitable<asio::detail::awaitable_thread_entry_point, Executor> asio::detail::co_spawn_entry_p"
     "oint(asio::awaitable<T, Executor>*, Executor, F, Handler) [with T = bool; Executor = asio::any_io_ex"
     "ecutor; F = awaitable_as_function<bool, asio::any_io_executor>; Handler = detached_handler]",
     "asio::detail::co_spawn_entry_point(awaitable<bool>*, any_io_executor, awaitable_as_function<bool>, d"
     "etached_handler)"},
    {"static return_type asio::async_result<asio::use_awaitable_t<>, void ()>::initiate(Initiation, use_aw"
     "aitable_t<Executor>, InitArgs...) [CompletionToken = asio::use_awaitable_t<>, Signatures = <void ()>"
     ", Initiation = asio::detail::initiate_post_with_executor<asio::any_io_executor>, InitArgs = <>]",
     "asio::async_result<use_awaitable_t<>, void()>::initiate(detail::initiate_post_with_executor<any_io_e"
     "xecutor>, use_awaitable_t<Executor>)"},
    {"awaitable<awaitable_thread_entry_point, Executor> asio::detail::co_spawn_entry_point(awaitable<T, Ex"
     "ecutor> *, Executor, F, Handler) [T = std::basic_string<char>, Executor = asio::any_io_executor, F ="
     " asio::detail::awaitable_as_function<std::basic_string<char>, asio::any_io_executor>, Handler = asio"
     "::detail::detached_handler]",
     "asio::detail::co_spawn_entry_point(awaitable<std::string>*, any_io_executor, detail::awaitable_as_fu"
     "nction<std::string>, detail::detached_handler)"},
    {"static return_type asio::async_result<asio::use_awaitable_t<>, void (std::error_code)>::initiate(Ini"
     "tiation, use_awaitable_t<Executor>, InitArgs...) [CompletionToken = asio::use_awaitable_t<>, Signatu"
     "res = <void (std::error_code)>, Initiation = asio::basic_waitable_timer<std::chrono::steady_clock>::"
     "initiate_async_wait, InitArgs = <>]",
     "asio::async_result<use_awaitable_t<>, void(std::error_code)>::initiate(steady_timer::initiate_async_"
     "wait, use_awaitable_t<Executor>)"},
    {"asio::awaitable<asio::detail::awaitable_thread_entry_point, Executor> asio::detail::co_spawn_entry_p"
     "oint(asio::awaitable<T, Executor>*, Executor, F, Handler) [with T = std::__cxx11::basic_string<char>"
     "; Executor = asio::any_io_executor; F = awaitable_as_function<std::__cxx11::basic_string<char>, asio"
     "::any_io_executor>; Handler = detached_handler]",
     "asio::detail::co_spawn_entry_point(awaitable<std::string>*, any_io_executor, awaitable_as_function<s"
     "td::string>, detached_handler)"},
    {"void asio::async_result<asio::use_awaitable_t<>, void()>::initiate(asio::async_result<asio::use_awai"
     "table_t<>, void()>::initiate<asio::detail::initiate_dispatch>(asio::detail::initiate_dispatch, asio:"
     ":use_awaitable_t<>)::_ZN4asio12async_resultINS_15use_awaitable_tINS_15any_io_executorEEEJFvvEEE8init"
     "iateINS_6detail17initiate_dispatchEJEEENS_9awaitableIvS2_EET_S3_DpT0_.Frame*)",
     "asio::async_result<use_awaitable_t<>, void()>::initiate<detail::initiate_dispatch>(detail::initiate_"
     "dispatch, use_awaitable_t<>)"},
};
INSTANTIATE_TEST_SUITE_P(Asio, Plumbing, ::testing::ValuesIn(asio));

TEST(LibraryFrame, OfATimersWaitSaysWhichClockItGoesBy) {
  const std::string begin = "asio::async_result<use_awaitable_t<>, void(std::error_code)>::initiate(";
  const auto clock_of = [&](const std::string& timer) {
    return detail::read_library_frame(begin + timer + "::initiate_async_wait, use_awaitable_t<>)").clock;
  };
  EXPECT_EQ(clock_of("steady_timer"), "std::chrono::steady_clock");
  EXPECT_EQ(clock_of("basic_waitable_timer<shore::tide>"), "shore::tide");
  EXPECT_EQ(clock_of("basic_waitable_timer<shore::tide, app::traits<shore::tide>>"), "shore::tide");
  EXPECT_EQ(clock_of("basic_deadline_timer<boost::posix_time::ptime>"), "boost::posix_time::ptime");
  EXPECT_EQ(clock_of("tcp::socket"), "");
}

TEST(LibraryFrame, SaysWhatItStandsFor) {
  using enum detail::library_frame::kind;
  using enum detail::library_frame::waiter;
  const std::string initiate = "asio::async_result<use_awaitable_t<>, void(std::error_code)>::initiate";
  const std::string group =
      "awaitable_handler<any_io_executor, std::array<unsigned long, 2>>, deferred_async_operation<void(int)>>";
  const std::vector<std::tuple<std::string, detail::library_frame::kind, detail::library_frame::waiter, std::string>>
      frames = {
          {initiate + "<steady_timer::initiate_async_wait>(steady_timer::initiate_async_wait, use_awaitable_t<>)",
           operation, unknown, "timer.async_wait()"},
          {initiate + "(concurrent_channel<void(std::error_code)>::initiate_async_receive, use_awaitable_t<Executor>)",
           operation, unknown, "channel.async_receive()"},
          {initiate + "(tcp::acceptor::initiate_async_accept, use_awaitable_t<>)", operation, unknown,
           "acceptor.async_accept()"},
          {initiate +
               "(detail::initiate_async_read_buffer_sequence<tcp::socket>, use_awaitable_t<>, mutable_buffers_1)",
           operation, unknown, "async_read()"},
          {initiate + "(detail::initiate_async_read_until_delim_string_v2<tcp::socket>, use_awaitable_t<>)", operation,
           unknown, "async_read_until()"},
          {initiate + "(db::async_acquire<const use_awaitable_t<>&>(int)::<lambda(auto, int)>, use_awaitable_t<>, int)",
           operation, unknown, "db::async_acquire()"},
          {initiate + "((lambda at /src/pool.cpp:31:7), use_awaitable_t<>)", operation, unknown,
           "<lambda at pool.cpp:31>"},
          {"asio::experimental::awaitable_operators::operator&&(awaitable<int>, awaitable<int>)", join, unknown,
           "(… && …)"},
          {"asio::experimental::awaitable_operators::operator||(awaitable<int>, awaitable<int>)", join, unknown,
           "(… || …)"},
          // Asio 1.22
          {"asio::detail::co_spawn_entry_point(awaitable<void>*, any_io_executor, main()::<lambda()>, "
           "detached_handler)",
           entry, nobody, "main()::<lambda()>"},
          {"asio::detail::co_spawn_entry_point(awaitable<void>*, any_io_executor, (lambda at /src/s.cpp:92:55), "
           "detail::detached_handler)",
           entry, nobody, "<lambda at s.cpp:92>"},
          {"asio::detail::co_spawn_entry_point(awaitable<int>*, any_io_executor, detail::awaitable_as_function<int>, "
           "detail::parallel_group_op_handler<0, wait_for_one_success, detail::" +
               group + ")",
           entry, coroutine, ""},
          {"asio::detail::co_spawn_entry_point(awaitable<void>*, any_io_executor, awaitable_as_function<void>, "
           "main()::<lambda(std::exception_ptr)>)",
           entry, unknown, ""},
          // Asio 1.38
          {"asio::detail::co_spawn_entry_point<detached_handler, main()::<lambda()>>(awaitable<void>*, "
           "co_spawn_state<detached_handler, main()::<lambda()>, void>)",
           entry, nobody, "main()::<lambda()>"},
          {"asio::detail::co_spawn_entry_point(awaitable<void>*, co_spawn_state<detail::parallel_group_op_handler<1, "
           "wait_for_one_error, awaitable_async_op_handler<void(int), void>, int>, awaitable_as_function<void>>)",
           entry, coroutine, ""},
          {"asio::detail::something_else(int)", other, unknown, ""},
          {"asio::async_result<(", other, unknown, ""},
          {"", other, unknown, ""},
      };
  for (const auto& [name, is, waits, words] : frames) {
    const auto frame = detail::read_library_frame(name);
    EXPECT_EQ(frame.is, is) << name;
    EXPECT_EQ(frame.waits, waits) << name;
    EXPECT_EQ(frame.text, words) << name;
  }
}

TEST(Name, OfBoostsAsioIsPlumbingToo) {
  EXPECT_TRUE(make_readable("boost::asio::awaitable<void> boost::asio::detail::co_spawn_entry_point(F) [with F = int]")
                  .plumbing);
  EXPECT_FALSE(make_readable("boost::asio::awaitable<void> my_asio::run()").plumbing);
  EXPECT_FALSE(make_readable("awaitable<void> asiology()").plumbing);
}

/// No demangler knows them: g++ 12 and lambdas of a member template.
TEST(Name, ThatCannotBeDemangledIsPlumbingInTheSameNamespaces) {
  for (const char* asios : {"_ZZN4asio6detail20awaitable_frame_baseINS_15any_io_executorEE15await_transformI?",
                            "_ZN5boost4asio6detail?", "_ZNK4asio9awaitable?", "_ZN5tasks6detail10standalone?"}) {
    EXPECT_TRUE(make_readable(asios).plumbing) << asios;
  }
  for (const char* users :
       {"_ZN8asiology3run?", "_ZN7my_asio3run?", "_Z4asio?", "_ZN99999999999999999999asio?", "_ZN", "_Z"})
    EXPECT_FALSE(make_readable(users).plumbing) << users;
}

TEST(Name, OfBoostsTypesReadsLikeThatOfAsios) {
  EXPECT_EQ(make_readable("void session(session(boost::asio::basic_stream_socket<boost::asio::ip::tcp, "
                          "boost::asio::any_io_executor>)::_Z7session.Frame*)")
                .text,
            "session(tcp::socket)");
}

TEST(Name, OfTheMainFunctionIsThatOfItsLambdas) { EXPECT_EQ(make_readable("main").text, "main()"); }

TEST(Name, OfPlumbingCanBeShort) {
  EXPECT_EQ(bare_name("asio::async_result<use_awaitable_t<>, void()>::initiate<int>(int)"),
            "asio::async_result::initiate");
  EXPECT_EQ(bare_name("operator<(int)"), "operator<");
  EXPECT_EQ(bare_name(""), "");
}

TEST(Name, ThatNestsDeeperThanAnybodyWritesIsShown) {
  constexpr std::size_t deep = 30'000;
  std::string text;
  for (std::size_t i = 0; i < deep; ++i) text += "a<";
  text.append(deep, '>');
  EXPECT_EQ(make_readable(text).text.substr(0, 6), "a<a<a<");
}

TEST(Name, WhoseTemplateArgumentsConsistOfEachOtherStaysShort) {
  std::string text = "void f(T0) [with T0 = ";
  for (int i = 1; i < 100; ++i) {
    const auto next = "T" + std::to_string(i);
    for (int k = 0; k < 4; ++k) text += next + " ";
    text += "; " + next + " = ";
  }
  EXPECT_LT(make_readable(text + "int]").text.size(), 2 * detail::longest_name);
}

TEST(Name, ThatIsNoneIsShownAsItIs) {
  EXPECT_EQ(make_readable("").text, "");
  EXPECT_EQ(make_readable("start").text, "start");
  EXPECT_EQ(make_readable("_Znonsense").text, "_Znonsense");
  // Brackets that do not close, as in rubbish from a target: no crash, something to show.
  for (const char* raw : {"f(", "f(<[", ")))", ">>>", "<lambda(", "operator<", "x::_Z.Frame*)", "f() [with T = ", "[]",
                          "(anonymous class)::operator()(", "{lambda(", "$_", "main::$_0::operator()("}) {
    EXPECT_FALSE(make_readable(raw).text.empty()) << raw;
  }
}

}  // namespace
}  // namespace tasks::cli
