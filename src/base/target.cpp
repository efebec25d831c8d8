#include "base/target.h"

#include <fmt/format.h>

namespace tempera {

std::string key(const Target& t) {
  const MatrixTiles& m = t.bf16_matrices;
  const std::string matrices =
      m ? fmt::format("/mma:{}x{}x{}x{}", m.registers, m.rows, m.columns, m.depth) : "";
  return fmt::format(
      "{}/{}/{}/{}/v{}x{}/l1:{}/l2:{}/l3:{}/c{}/f16:{:d}/bf16:{:d}/i8:{:d}/align:{}{}", t.backend,
      t.triple, t.cpu, t.features, t.vector_bytes, t.vector_registers, t.l1_bytes, t.l2_bytes,
      t.l3_bytes, t.cores, t.has_f16_arithmetic, t.has_bf16_dot, t.has_i8_dot, t.buffer_alignment,
      matrices);
}

}  // namespace tempera
