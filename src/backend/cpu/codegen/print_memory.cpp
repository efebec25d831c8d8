#include <numeric>

#include "backend/cpu/codegen/printer.h"

namespace tempera::cpu {

using kernel::BufferNode;
using kernel::Expr;
using llvm::Value;

namespace {

// The element's own size: more is found by LLVM from the buffer's alignment and the index.
llvm::Align element_align(const BufferNode& buffer) {
  return llvm::Align(static_cast<uint64_t>(size_in_bytes(buffer.type.dtype)));
}

std::optional<int64_t> constant_stride(const std::optional<Printer::Affine>& place) {
  if (!place) return std::nullopt;
  const auto* stride = llvm::dyn_cast<llvm::ConstantInt>(place->stride);
  if (!stride) return std::nullopt;
  return stride->getSExtValue();
}

}  // namespace

Value* Printer::address(const BufferNode& buffer, Value* i) {
  const auto found = buffers.find(&buffer);
  CHECK(found != buffers.end(), "{} is no buffer here", buffer.name);
  Value* element = b.CreateNSWMul(i, b.getInt64(static_cast<uint64_t>(buffer.type.lanes)));
  return b.CreateInBoundsGEP(memory_type(b.getContext(), buffer.type.element()), found->second,
                             element);
}

// A masked vector of one lane stands for a masked scalar.
Value* Printer::masked_load(llvm::Type* type, Value* at, llvm::Align align, Value* mask) {
  if (type->isVectorTy())
    return b.CreateMaskedLoad(type, at, align, mask, llvm::Constant::getNullValue(type));
  auto* vector = llvm::FixedVectorType::get(type, 1);
  Value* lane = b.CreateVectorSplat(1, mask);
  Value* loaded = b.CreateMaskedLoad(vector, at, align, lane, llvm::Constant::getNullValue(vector));
  return b.CreateExtractElement(loaded, uint64_t{0});
}

void Printer::masked_store(Value* stored, Value* at, llvm::Align align, Value* mask) {
  if (!stored->getType()->isVectorTy()) {
    stored = b.CreateVectorSplat(1, stored);
    mask = b.CreateVectorSplat(1, mask);
  }
  b.CreateMaskedStore(stored, at, align, mask);
}

Value* Printer::reverse(Value* vector) { return b.CreateVectorReverse(vector); }

Value* Printer::addresses(const BufferNode& buffer, const Expr& i) {
  return b.CreateInBoundsGEP(memory_type(b.getContext(), buffer.type), buffers.at(&buffer),
                             value(i));
}

// One element a lane; stride 2 as two overlapping vectors that end where the last element does.
Value* Printer::load_strided(const BufferNode& buffer, const Affine& place, int lanes) {
  llvm::Type* element = memory_type(b.getContext(), buffer.type);
  auto* type = llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
  const llvm::Align align = element_align(buffer);
  if (constant_stride(place) == 2) {
    Value* low = b.CreateAlignedLoad(type, address(buffer, place.base), align);
    Value* second = b.CreateNSWAdd(place.base, b.getInt64(static_cast<uint64_t>(lanes - 1)));
    Value* high = b.CreateAlignedLoad(type, address(buffer, second), align);
    std::vector<int> picks;
    for (int i = 0; i < lanes; ++i) picks.push_back(2 * i < lanes ? 2 * i : 2 * i + 1);
    return b.CreateShuffleVector(low, high, picks);
  }
  Value* result = llvm::PoisonValue::get(type);
  for (int i = 0; i < lanes; ++i) {
    Value* step = b.CreateNSWMul(place.stride, b.getInt64(static_cast<uint64_t>(i)));
    Value* at = address(buffer, b.CreateNSWAdd(place.base, step));
    result = b.CreateInsertElement(result, b.CreateAlignedLoad(element, at, align),
                                   static_cast<uint64_t>(i));
  }
  return result;
}

Value* Printer::load_vector(const BufferNode& buffer, const Expr& i, Value* mask) {
  if (const auto tile = tile_place(buffer, i); tile && !mask) return load_matrix(buffer, *tile);
  llvm::Type* type = memory_type(b.getContext(), buffer.type.with_lanes(i->type.lanes));
  const llvm::Align align = element_align(buffer);
  const auto place = affine(i);
  const auto stride = constant_stride(place);
  if (stride == 1) {
    Value* at = address(buffer, place->base);
    return mask ? masked_load(type, at, align, mask) : b.CreateAlignedLoad(type, at, align);
  }
  if (stride == -1) {
    Value* first =
        b.CreateNSWSub(place->base, b.getInt64(static_cast<uint64_t>(i->type.lanes - 1)));
    Value* at = address(buffer, first);
    return reverse(mask ? masked_load(type, at, align, reverse(mask))
                        : b.CreateAlignedLoad(type, at, align));
  }
  if (stride == 0 && !mask) {
    Value* element = b.CreateAlignedLoad(memory_type(b.getContext(), buffer.type),
                                         address(buffer, place->base), align);
    return b.CreateVectorSplat(static_cast<unsigned>(i->type.lanes), element);
  }
  if (place && !mask) return load_strided(buffer, *place, i->type.lanes);
  Value* zero = llvm::Constant::getNullValue(type);
  return b.CreateMaskedGather(type, addresses(buffer, i), align, mask, mask ? zero : nullptr);
}

Value* Printer::print_load(const kernel::ExprNode& e) {
  const BufferNode& buffer = *e.buffer;
  Value* mask = e.args.size() > 1 ? value(e.args[1]) : nullptr;
  Value* loaded = nullptr;
  if (e.args[0]->type.is_scalar()) {
    llvm::Type* type = memory_type(b.getContext(), buffer.type);
    Value* at = address(buffer, index(e.args[0]));
    loaded = mask ? masked_load(type, at, element_align(buffer), mask)
                  : b.CreateAlignedLoad(type, at, element_align(buffer));
  } else {
    loaded = load_vector(buffer, e.args[0], mask);
  }
  if (buffer.type.dtype != DType::boolean) return loaded;
  return b.CreateICmpNE(loaded, llvm::Constant::getNullValue(loaded->getType()));
}

void Printer::store_vector(const BufferNode& buffer, const Expr& i, Value* stored, Value* mask) {
  if (const auto tile = tile_place(buffer, i); tile && !mask) return store_matrix(*tile, stored);
  const llvm::Align align = element_align(buffer);
  const auto place = affine(i);
  auto stride = constant_stride(place);
  Value* first = place ? place->base : nullptr;
  if (stride == -1) {
    stored = reverse(stored);
    mask = mask ? reverse(mask) : nullptr;
    first = b.CreateNSWSub(first, b.getInt64(static_cast<uint64_t>(i->type.lanes - 1)));
    stride = 1;
  }
  if (stride == 1) {
    Value* at = address(buffer, first);
    if (mask)
      masked_store(stored, at, align, mask);
    else
      b.CreateAlignedStore(stored, at, align);
    return;
  }
  b.CreateMaskedScatter(stored, addresses(buffer, i), align, mask);
}

void Printer::print_store(const kernel::StmtNode& s) {
  const BufferNode& buffer = *s.buffer;
  Value* stored = value(s.value);
  if (buffer.type.dtype == DType::boolean)
    stored = b.CreateZExt(stored, memory_type(b.getContext(), s.value->type));
  Value* mask = s.mask.defined() ? value(s.mask) : nullptr;
  if (!s.index->type.is_scalar()) return store_vector(buffer, s.index, stored, mask);
  Value* at = address(buffer, index(s.index));
  if (mask)
    masked_store(stored, at, element_align(buffer), mask);
  else
    b.CreateAlignedStore(stored, at, element_align(buffer));
}

}  // namespace tempera::cpu
