#pragma once

#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>

#include "base/status.h"
#include "base/target.h"

namespace tempera::cpu {

// LLVM's description of a target's processor. Fails where LLVM knows no such triple.
Result<std::unique_ptr<llvm::MCSubtargetInfo>> make_subtarget(const Target& target);

// Code generator for position-independent code at full optimisation.
Result<std::unique_ptr<llvm::TargetMachine>> make_machine(const Target& target);

// What the printer asks about a target.
struct Features {
  bool x86 = false;
  bool fma = false;
  bool f16_conversion = false;   // between f16 and f32, in hardware
  bool scalef = false;           // x * 2^n of 16 f32 in one instruction (AVX-512)
  bool bf16_conversion = false;  // of 32 f32 to bf16 in one instruction (AVX-512 BF16)
  bool tiles = false;            // registers of 16 rows of 64 bytes (AMX)
};
Features features_of(const Target& target, const llvm::MCSubtargetInfo& subtarget);

}  // namespace tempera::cpu
