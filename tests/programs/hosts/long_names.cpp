/// A function whose symbol of 290 bytes stands for a name of gigabytes: each of its types consists of the one before
/// it, twice. `packs` has another one, whose name begins with what has to be searched for packs.

#include <unistd.h>

#include <cstdio>
#include <string_view>

namespace {

void wait_for_end() {
  std::puts("ready");
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

}  // namespace

#define TASKS_PAIRS                                                                                    \
  "1PIiiES0_IS1_S1_ES0_IS2_S2_ES0_IS3_S3_ES0_IS4_S4_ES0_IS5_S5_ES0_IS6_S6_ES0_IS7_S7_ES0_IS8_S8_E"     \
  "S0_IS9_S9_ES0_ISA_SA_ES0_ISB_SB_ES0_ISC_SC_ES0_ISD_SD_ES0_ISE_SE_ES0_ISF_SF_ES0_ISG_SG_ES0_ISH_SH_" \
  "ES0_ISI_SI_ES0_ISJ_SJ_ES0_ISK_SK_ES0_ISL_SL_ES0_ISM_SM_ES0_ISN_SN_ES0_ISO_SO_ES0_ISP_SP_ES0_ISQ_SQ" \
  "_ES0_ISR_SR_E"

void waits() asm("_Z5waitsI" TASKS_PAIRS "EPSS_v");
void waits_with_packs() asm("_Z5waitsI" TASKS_PAIRS "EDpSS_v");

[[gnu::noinline]] void waits() {
  wait_for_end();
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void waits_with_packs() {
  wait_for_end();
  asm volatile("" ::: "memory");
}

int main(int count, char** words) {
  if (count > 1 && std::string_view(words[1]) == "packs")
    waits_with_packs();
  else
    waits();
}
