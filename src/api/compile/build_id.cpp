#include "api/compile/build_id.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstdint>
#include <span>

#include "api/run/version.h"

namespace tempera::api {
namespace {

// Whether a loaded object holds this function's code.
bool is_this_object(const dl_phdr_info& object) {
  const auto here = reinterpret_cast<uintptr_t>(&build_id);
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& segment = object.dlpi_phdr[i];
    const uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && here >= begin && here < begin + segment.p_memsz) return true;
  }
  return false;
}

// The build id among the notes of one segment; empty if it is not there.
std::string id_in_notes(std::span<const unsigned char> notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(notes.data());
    const size_t name_end = sizeof(note) + (note.n_namesz + 3) / 4 * 4;
    const size_t end = name_end + (note.n_descsz + 3) / 4 * 4;
    if (end > notes.size()) break;
    if (note.n_type == NT_GNU_BUILD_ID) {
      std::string id;
      for (const unsigned char byte : notes.subspan(name_end, note.n_descsz))
        id += fmt::format("{:02x}", byte);
      return id;
    }
    notes = notes.subspan(end);
  }
  return {};
}

int find_id(dl_phdr_info* object, size_t, void* result) {
  if (!is_this_object(*object)) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* begin = reinterpret_cast<const unsigned char*>(object->dlpi_addr + segment.p_vaddr);
    auto& id = *static_cast<std::string*>(result);
    if (id.empty()) id = id_in_notes({begin, segment.p_memsz});
  }
  return 1;
}

}  // namespace

std::string build_id() {
  static const std::string id = [] {
    std::string found;
    ::dl_iterate_phdr(find_id, &found);
    return std::string(kVersion) + "-" + found;
  }();
  return id;
}

}  // namespace tempera::api
