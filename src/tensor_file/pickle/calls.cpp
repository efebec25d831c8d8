#include "tensor_file/pickle/calls.h"

#include <algorithm>
#include <array>

namespace tempera::pickle {
namespace {

using namespace std::string_view_literals;

struct Callable {
  std::string_view module, name;
};

// Functions, classes in lower case, and the classes of Python's own modules that data uses.
constexpr auto kData = std::to_array<Callable>({
    {"collections", "OrderedDict"},
    {"collections", "defaultdict"},
    {"collections", "Counter"},
    {"collections", "deque"},
    {"copy_reg", "_reconstructor"},
    {"copyreg", "_reconstructor"},
    {"copyreg", "__newobj__"},
    {"_codecs", "encode"},
    {"argparse", "Namespace"},
    {"types", "SimpleNamespace"},
    {"datetime", "date"},
    {"datetime", "datetime"},
    {"datetime", "time"},
    {"datetime", "timedelta"},
    {"datetime", "timezone"},
    {"decimal", "Decimal"},
    {"fractions", "Fraction"},
    {"pathlib", "Path"},
    {"pathlib", "PosixPath"},
    {"pathlib", "PurePosixPath"},
    {"pathlib", "WindowsPath"},
    {"pathlib._local", "PosixPath"},
    {"pathlib._local", "WindowsPath"},
    {"uuid", "UUID"},
    {"random", "Random"},
    {"numpy", "dtype"},
    {"numpy", "ndarray"},
    {"numpy.core.multiarray", "scalar"},
    {"numpy.core.multiarray", "_reconstruct"},
    {"numpy._core.multiarray", "scalar"},
    {"numpy._core.multiarray", "_reconstruct"},
    {"numpy.core.numeric", "_frombuffer"},
    {"numpy._core.numeric", "_frombuffer"},
    {"numpy.random._pickle", "__randomstate_ctor"},
    {"numpy.random._pickle", "__generator_ctor"},
    {"numpy.random._pickle", "__bit_generator_ctor"},
    {"torch", "Size"},
    {"torch", "device"},
    {"torch._tensor", "_rebuild_from_type_v2"},
    {"torch.nn.parameter", "_rebuild_parameter"},
    {"torch.serialization", "_get_layout"},
    {"torch.storage", "_load_from_bytes"},
});

// Built in types that hold data.
constexpr auto kTypes =
    std::to_array({"bool"sv, "bytearray"sv, "bytes"sv, "complex"sv, "dict"sv, "float"sv,
                   "frozenset"sv, "int"sv, "list"sv, "object"sv, "range"sv, "set"sv, "slice"sv,
                   "str"sv, "tuple"sv, "Ellipsis"sv, "NotImplemented"sv});

// Modules of Python (their first name) with classes that open files, start programs or load code.
constexpr auto kPython = std::to_array({"_io"sv,
                                        "_posixsubprocess"sv,
                                        "_winapi"sv,
                                        "asyncio"sv,
                                        "bdb"sv,
                                        "builtins"sv,
                                        "__builtin__"sv,
                                        "bz2"sv,
                                        "cProfile"sv,
                                        "code"sv,
                                        "codecs"sv,
                                        "codeop"sv,
                                        "collections"sv,
                                        "commands"sv,
                                        "concurrent"sv,
                                        "copyreg"sv,
                                        "copy_reg"sv,
                                        "_codecs"sv,
                                        "ctypes"sv,
                                        "_ctypes"sv,
                                        "dbm"sv,
                                        "dill"sv,
                                        "cloudpickle"sv,
                                        "joblib"sv,
                                        "distutils"sv,
                                        "doctest"sv,
                                        "email"sv,
                                        "ensurepip"sv,
                                        "ftplib"sv,
                                        "functools"sv,
                                        "gc"sv,
                                        "gzip"sv,
                                        "http"sv,
                                        "idlelib"sv,
                                        "imaplib"sv,
                                        "imp"sv,
                                        "importlib"sv,
                                        "inspect"sv,
                                        "io"sv,
                                        "itertools"sv,
                                        "linecache"sv,
                                        "logging"sv,
                                        "lzma"sv,
                                        "mailbox"sv,
                                        "marshal"sv,
                                        "mmap"sv,
                                        "multiprocessing"sv,
                                        "nntplib"sv,
                                        "nt"sv,
                                        "ntpath"sv,
                                        "operator"sv,
                                        "_operator"sv,
                                        "os"sv,
                                        "pdb"sv,
                                        "pickle"sv,
                                        "_pickle"sv,
                                        "pickletools"sv,
                                        "pip"sv,
                                        "pipes"sv,
                                        "pkgutil"sv,
                                        "platform"sv,
                                        "poplib"sv,
                                        "popen2"sv,
                                        "posix"sv,
                                        "posixpath"sv,
                                        "profile"sv,
                                        "pty"sv,
                                        "pydoc"sv,
                                        "runpy"sv,
                                        "sched"sv,
                                        "select"sv,
                                        "setuptools"sv,
                                        "shelve"sv,
                                        "shutil"sv,
                                        "signal"sv,
                                        "site"sv,
                                        "smtplib"sv,
                                        "socket"sv,
                                        "_socket"sv,
                                        "socketserver"sv,
                                        "sqlite3"sv,
                                        "ssl"sv,
                                        "subprocess"sv,
                                        "sys"sv,
                                        "tarfile"sv,
                                        "telnetlib"sv,
                                        "tempfile"sv,
                                        "test"sv,
                                        "thread"sv,
                                        "_thread"sv,
                                        "threading"sv,
                                        "timeit"sv,
                                        "trace"sv,
                                        "types"sv,
                                        "unittest"sv,
                                        "urllib"sv,
                                        "urllib2"sv,
                                        "venv"sv,
                                        "webbrowser"sv,
                                        "winreg"sv,
                                        "wsgiref"sv,
                                        "xml"sv,
                                        "xmlrpc"sv,
                                        "zipapp"sv,
                                        "zipfile"sv,
                                        "zipimport"sv,
                                        "zipimporter"sv,
                                        "argparse"sv,
                                        "datetime"sv,
                                        "pathlib"sv});

bool is_class_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  const size_t letter = last.find_first_not_of('_');
  return letter != std::string_view::npos && last[letter] >= 'A' && last[letter] <= 'Z';
}

}  // namespace

bool is_harmless_call(std::string_view module, std::string_view name) {
  const auto is_called = [&](const Callable& row) {
    return row.module == module && row.name == name;
  };
  if (std::ranges::any_of(kData, is_called)) return true;
  if (module == "builtins" || module == "__builtin__")
    return std::ranges::find(kTypes, name) != kTypes.end();
  if (module == "torch._utils") return name.starts_with("_rebuild_");
  const std::string_view root = module.substr(0, module.find('.'));
  return is_class_name(name) && std::ranges::find(kPython, root) == kPython.end();
}

}  // namespace tempera::pickle
