//! Makes `gateway.h` of the crate's source.
//!
//! Only what the interface consists of is understood: constants, aliases of integers and functions,
//! `repr(C)` structs, opaque structs, and exported functions. Anything else is a panic here.

use quote::ToTokens as _;
use std::fmt::Write as _;
use std::path::Path;
use syn::{
    Attribute, BinOp, Expr, Fields, FnArg, Item, ItemConst, ItemFn, ItemStruct, ItemType, Lit,
    Meta, Pat, ReturnType, Type, UnOp, Visibility,
};

/// The modules, in the order of the header.
const MODULES: [&str; 29] = [
    "status",
    "bytes",
    "version",
    "boundary",
    "options",
    "report",
    "router",
    "needs",
    "engine",
    "request",
    "decider",
    "decision",
    "step",
    "duty/basic_auth",
    "duty/api_key",
    "duty/jwt",
    "duty/client_certificate",
    "duty/external_auth",
    "duty/auth_check",
    "duty/service_tls",
    "duty/cache",
    "headers",
    "forward",
    "settings",
    "session",
    "endpoints",
    "mirror",
    "response",
    "explain",
];

/// What C sees of the crate.
pub(crate) struct Interface {
    /// The text of the header.
    pub(crate) header: String,
    /// Constants: name, type in C and value.
    pub(crate) constants: Vec<(String, String, i128)>,
    /// Structs and their fields.
    pub(crate) structs: Vec<(String, Vec<String>)>,
    /// Declarations of functions.
    pub(crate) functions: Vec<String>,
}

fn files(folder: &Path) -> Vec<syn::File> {
    let file = |module: &&str| {
        let path = folder.join(format!("src/{module}.rs"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        syn::parse_file(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"))
    };
    MODULES.iter().map(file).collect()
}

/// The names of the exported functions and their bodies, as text.
pub(crate) fn bodies(folder: &Path) -> Vec<(String, String)> {
    let mut bodies = Vec::new();
    for file in files(folder) {
        for item in file.items {
            if let Item::Fn(item) = item
                && is_public(&item.vis)
            {
                let body = item.block.to_token_stream().to_string();
                bodies.push((item.sig.ident.to_string(), body));
            }
        }
    }
    bodies
}

/// Reads the source of the crate in `folder`.
pub(crate) fn read(folder: &Path) -> Interface {
    let files = files(folder);
    let mut interface = Interface {
        header: include_str!("preamble.h").to_owned(),
        constants: Vec::new(),
        structs: Vec::new(),
        functions: Vec::new(),
    };
    let items = || files.iter().flat_map(|file| &file.items);
    interface.header += "\n";
    for item in items() {
        if let Item::Struct(item) = item
            && is_public(&item.vis)
        {
            let name = &item.ident;
            writeln!(interface.header, "typedef struct {name} {name};").unwrap();
        }
    }
    for file in &files {
        let title = docs(&file.attrs);
        let title = title.first().map(|title| title.trim_end_matches('.')).unwrap_or_default();
        write!(interface.header, "\n/* ==== {title} ==== */\n").unwrap();
        for item in &file.items {
            interface.item(item);
        }
    }
    interface.header += "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
    interface
}

impl Interface {
    /// The names of the functions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().filter_map(|text| text.split('(').next()?.rsplit([' ', '*']).next())
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Const(item) if is_public(&item.vis) => self.constant(item),
            Item::Type(item) if is_public(&item.vis) => self.alias(item),
            Item::Struct(item) if is_public(&item.vis) => self.structure(item),
            Item::Fn(item) if is_public(&item.vis) => self.function(item),
            _ => {}
        }
    }

    fn comment(&mut self, indent: &str, attributes: &[Attribute]) {
        let lines = docs(attributes);
        let safety = lines.iter().position(|line| line == "# Safety").unwrap_or(lines.len());
        let mut lines = &lines[..safety];
        while let [rest @ .., last] = lines
            && last.is_empty()
        {
            lines = rest;
        }
        assert!(!lines.is_empty(), "an item without documentation");
        let shown =
            |line: &String| line.replace("```text", "").replace('`', "").replace("....", "...");
        let lines: Vec<String> = lines.iter().map(shown).collect();
        let out = &mut self.header;
        if let [line] = &lines[..]
            && indent.len() + line.len() <= 94
        {
            writeln!(out, "{indent}/* {line} */").unwrap();
            return;
        }
        for (at, line) in lines.iter().enumerate() {
            let start = if at == 0 { "/* " } else { " * " };
            writeln!(out, "{}", format!("{indent}{start}{line}").trim_end()).unwrap();
        }
        writeln!(out, "{indent} */").unwrap();
    }

    fn constant(&mut self, item: &ItemConst) {
        self.header += "\n";
        self.comment("", &item.attrs);
        let (kind, value) = (plain(&item.ty), value(&item.expr));
        let text = match &*kind {
            "uint64_t" => format!("UINT64_C({value})"),
            "uint32_t" => format!("UINT32_C({value})"),
            _ if value < 0 => format!("({value})"),
            _ => value.to_string(),
        };
        writeln!(self.header, "#define {} {text}", item.ident).unwrap();
        self.constants.push((item.ident.to_string(), kind, value));
    }

    fn alias(&mut self, item: &ItemType) {
        self.header += "\n";
        self.comment("", &item.attrs);
        let name = item.ident.to_string();
        let text = match function_of(&item.ty) {
            Some(function) => {
                let arguments: Vec<String> = function
                    .inputs
                    .iter()
                    .map(|input| {
                        let name = input.name.as_ref().expect("arguments have names");
                        declare(&input.ty, &name.0.to_string())
                    })
                    .collect();
                let result = result_of(&function.output);
                format!("typedef {result} (*{name})({});", arguments.join(", "))
            }
            None => format!("typedef {};", declare(&item.ty, &name)),
        };
        writeln!(self.header, "{}", wrap(&text)).unwrap();
    }

    fn structure(&mut self, item: &ItemStruct) {
        let name = item.ident.to_string();
        self.header += "\n";
        self.comment("", &item.attrs);
        if !is_plain(item) {
            writeln!(self.header, "struct {name};").unwrap();
            return;
        }
        let Fields::Named(fields) = &item.fields else { panic!("{name} has fields without names") };
        writeln!(self.header, "struct {name} {{").unwrap();
        let mut names = Vec::new();
        for field in &fields.named {
            let of = field.ident.as_ref().expect("named fields").to_string();
            self.comment("    ", &field.attrs);
            writeln!(self.header, "    {};", declare(&field.ty, &of)).unwrap();
            names.push(of);
        }
        self.header += "};\n";
        self.structs.push((name, names));
    }

    fn function(&mut self, item: &ItemFn) {
        let name = item.sig.ident.to_string();
        self.header += "\n";
        self.comment("", &item.attrs);
        let mut arguments: Vec<String> = item
            .sig
            .inputs
            .iter()
            .map(|input| {
                let FnArg::Typed(input) = input else { panic!("{name} is a method") };
                let Pat::Ident(of) = &*input.pat else { panic!("{name}: arguments have names") };
                declare(&input.ty, &of.ident.to_string())
            })
            .collect();
        if arguments.is_empty() {
            arguments.push("void".into());
        }
        let (result, arguments) = (result_of(&item.sig.output), arguments.join(", "));
        let space = if result.ends_with('*') { "" } else { " " };
        let text = format!("{result}{space}{name}({arguments});");
        writeln!(self.header, "{}", wrap(&text)).unwrap();
        self.functions.push(text);
    }
}

/// Breaks a declaration that is too long behind the commas that fit.
fn wrap(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for (at, part) in text.split_inclusive(", ").enumerate() {
        if at > 0 && column + part.trim_end().len() > 98 {
            out.truncate(out.trim_end().len());
            out += "\n    ";
            column = 4;
        }
        out += part;
        column += part.len();
    }
    out
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Whether C knows its fields.
fn is_plain(item: &ItemStruct) -> bool {
    item.attrs.iter().any(|attribute| attribute.path().is_ident("repr"))
}

fn docs(attributes: &[Attribute]) -> Vec<String> {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => {
                    let text = text.value();
                    Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect()
}

/// The function that an alias stands for, which may be absent.
fn function_of(ty: &Type) -> Option<&syn::TypeBareFn> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(Type::BareFn(function)) if last.ident == "Option" => {
            Some(function)
        }
        _ => None,
    }
}

fn result_of(output: &ReturnType) -> String {
    match output {
        ReturnType::Default => "void".to_owned(),
        ReturnType::Type(_, ty) => declare(ty, "").trim_end().to_owned(),
    }
}

/// A declaration of `name`.
fn declare(ty: &Type, name: &str) -> String {
    match ty {
        Type::Ptr(pointer) => {
            let constant = if pointer.const_token.is_some() { "const " } else { "" };
            match &*pointer.elem {
                Type::Ptr(_) => declare(&pointer.elem, &format!("*{constant}{name}")),
                plain_type => format!("{constant}{} *{name}", plain(plain_type)),
            }
        }
        Type::Array(array) => format!("{} {name}[{}]", plain(&array.elem), value(&array.len)),
        other => format!("{} {name}", plain(other)),
    }
}

/// The name that a type has in C.
fn plain(ty: &Type) -> String {
    let Type::Path(path) = ty else { panic!("a type that C does not have") };
    let name = path.path.segments.last().expect("a name").ident.to_string();
    match &*name {
        "usize" => "size_t",
        "u8" => "uint8_t",
        "u16" => "uint16_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "i32" => "int32_t",
        "c_char" => "char",
        "c_void" => "void",
        name if name.starts_with("gw_") => name,
        other => panic!("`{other}` is no type of C"),
    }
    .to_owned()
}

fn value(expression: &Expr) -> i128 {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().expect("a number"),
            _ => panic!("not a number"),
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => -value(&unary.expr),
        Expr::Binary(binary) if matches!(binary.op, BinOp::Shl(_)) => {
            value(&binary.left) << value(&binary.right)
        }
        Expr::Path(path)
            if path.path.segments.iter().map(|s| s.ident.to_string()).eq(["u32", "MAX"]) =>
        {
            i128::from(u32::MAX)
        }
        _ => panic!("not a value that is understood"),
    }
}
