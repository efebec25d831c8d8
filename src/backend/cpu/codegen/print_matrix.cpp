#include <llvm/IR/IntrinsicsX86.h>

#include "backend/cpu/codegen/printer.h"

// Values of matrices are LLVM vectors between the AMX intrinsics; LLVM removes the casts between
// them, allocates tile registers and configures them.
namespace tempera::cpu {

using kernel::BufferNode;
using kernel::Expr;
using kernel::ExprNode;
using llvm::Value;

namespace {

constexpr int kTileRows = 16;
constexpr int64_t kTileRowBytes = 64;

Value* to_tile(llvm::IRBuilder<>& b, Value* matrix) {
  return b.CreateIntrinsic(llvm::Intrinsic::x86_cast_vector_to_tile, {matrix->getType()}, {matrix});
}

Value* from_tile(llvm::IRBuilder<>& b, llvm::Type* type, Value* tile) {
  return b.CreateIntrinsic(llvm::Intrinsic::x86_cast_tile_to_vector, {type}, {tile});
}

}  // namespace

std::optional<Printer::TilePlace> Printer::tile_place(const BufferNode& buffer, const Expr& i) {
  const auto place = features.tiles ? kernel::matrix_place(i) : std::nullopt;
  if (!place) return std::nullopt;
  const int64_t bytes = size_in_bytes(buffer.type.dtype);
  const int64_t row = bytes * place->columns;
  if (place->rows > kTileRows || row > kTileRowBytes || row % 4 != 0) return std::nullopt;
  return TilePlace{*place, b.getInt16(static_cast<uint16_t>(place->rows)),
                   b.getInt16(static_cast<uint16_t>(row)), address(buffer, index(place->first)),
                   b.CreateNSWMul(index(place->stride), b.getInt64(static_cast<uint64_t>(bytes)))};
}

Value* Printer::load_matrix(const BufferNode& buffer, const TilePlace& place) {
  llvm::Type* type =
      memory_type(b.getContext(), buffer.type.with_lanes(place.at.rows * place.at.columns));
  return from_tile(b, type,
                   b.CreateIntrinsic(llvm::Intrinsic::x86_tileloadd64_internal, {},
                                     {place.rows, place.row_bytes, place.address, place.stride}));
}

void Printer::store_matrix(const TilePlace& place, Value* stored) {
  b.CreateIntrinsic(llvm::Intrinsic::x86_tilestored64_internal, {},
                    {place.rows, place.row_bytes, place.address, place.stride, to_tile(b, stored)});
}

Value* Printer::print_matrix_dot(const ExprNode& e) {
  const kernel::MatrixExtents m = kernel::extents_of_dot(e.args);
  const auto size = [&](int64_t bytes) { return b.getInt16(static_cast<uint16_t>(bytes)); };
  Value* sum = value(e.args[0]);
  return from_tile(b, sum->getType(),
                   b.CreateIntrinsic(llvm::Intrinsic::x86_tdpbf16ps_internal, {},
                                     {size(m.rows), size(m.columns * int64_t{4}),
                                      size(m.depth * int64_t{2}), to_tile(b, sum),
                                      to_tile(b, value(e.args[1])), to_tile(b, value(e.args[2]))}));
}

}  // namespace tempera::cpu
