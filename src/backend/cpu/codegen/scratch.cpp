#include "backend/cpu/codegen/scratch.h"

#include <algorithm>

namespace tempera::cpu {
namespace {

constexpr int64_t kAlignment = 64;

void place(const kernel::Stmt& s, int64_t used, ScratchLayout& layout) {
  if (s->kind == kernel::StmtKind::allocate && s->buffer->space == kernel::Space::workgroup) {
    layout.offsets[s->buffer.get()] = used;
    used += s->buffer->size * kernel::size_in_bytes(s->buffer->type);
    used = (used + kAlignment - 1) / kAlignment * kAlignment;
    layout.bytes = std::max(layout.bytes, used);
  }
  for (const kernel::Stmt& child : s->body) place(child, used, layout);
}

}  // namespace

ScratchLayout layout_scratch(const kernel::Kernel& kernel) {
  ScratchLayout layout;
  place(kernel.body, 0, layout);
  return layout;
}

}  // namespace tempera::cpu
