//! Values from and to the text that PostgreSQL writes.

use super::Value;
use crate::pg::server::ctext::MadeText;
use crate::pg::server::error::raise;
use crate::pg::server::lookup::{caught, type_name};
use crate::pg::server::name::c_string;
use crate::pg::server::passing::{passing_of, VARLENA};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;

// PostgreSQL defines these functions with these arguments. The first two look a type up, or raise an error; the last is for
// values of the type that the function writes.
unsafe extern "C-unwind" {
    safe fn getTypeInputInfo(type_oid: Oid, input: &mut Oid, parameter: &mut Oid);
    safe fn getTypeOutputInfo(type_oid: Oid, output: &mut Oid, is_varlena: &mut bool);
    unsafe fn OidOutputFunctionCall(output: Oid, value: Datum) -> MadeText;
}

impl Value {
    /// The value that a text stands for, as if it were stored in a column of this type.
    pub fn parse(type_oid: Oid, typmod: i32, text: &str) -> Value {
        if type_oid == pg_sys::TEXTOID {
            return Value::from(text);
        }
        require_length(type_oid, text.len());
        let (mut input, mut parameter) = (Oid::INVALID, Oid::INVALID);
        caught(|| getTypeInputInfo(type_oid, &mut input, &mut parameter));
        let text = c_string(text);
        // SAFETY: the type's input function reads the C string, and returns a value of the type or raises an error.
        let datum =
            unsafe { pg_sys::OidInputFunctionCall(input, text.as_ptr().cast_mut(), parameter, typmod) };
        Value::of(type_oid, datum)
    }

    /// The value of another type that has the same text: a cast as `x::text::other` does it.
    pub fn through_text(self, type_oid: Oid) -> Value {
        let (mut output, mut varlena) = (Oid::INVALID, false);
        let (mut input, mut parameter) = (Oid::INVALID, Oid::INVALID);
        caught(|| {
            getTypeOutputInfo(self.type_oid(), &mut output, &mut varlena);
            getTypeInputInfo(type_oid, &mut input, &mut parameter);
        });
        // SAFETY: a value of variable length says how long it is. The output function of a type takes its values and returns a C
        // string, which the input function of another one takes; either may raise an error.
        let datum = unsafe {
            if passing_of(self.type_oid()).0 == VARLENA {
                require_length(type_oid, pg_sys::toast_raw_datum_size(self.datum) - pg_sys::VARHDRSZ);
            }
            let text = pg_sys::OidOutputFunctionCall(output, self.datum);
            pg_sys::OidInputFunctionCall(input, text, parameter, -1)
        };
        Value::of(type_oid, datum)
    }

    /// The text that the value is; None if it is of another type.
    pub fn text(self) -> Option<String> {
        (self.type_oid() == pg_sys::TEXTOID)
            .then(|| self.stored().read(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    }

    /// The value as PostgreSQL writes it.
    pub fn to_text(self) -> String {
        let (mut output, mut varlena) = (Oid::INVALID, false);
        caught(|| getTypeOutputInfo(self.type_oid(), &mut output, &mut varlena));
        // SAFETY: the output function of a type takes its values, and returns a C string or raises an error.
        caught(|| unsafe { OidOutputFunctionCall(output, self.datum) }).text().unwrap_or_default()
    }
}

/// Raises an error if no value of the type is written with as many bytes, as the input functions do after they copied them
/// several times.
fn require_length(type_oid: Oid, length: usize) {
    /// More than any such value has, even among spaces.
    const LONGEST: usize = 4096;
    let is_short = match type_oid {
        // What is too long for a name is cut off.
        pg_sys::NAMEOID => false,
        pg_sys::INETOID | pg_sys::CIDROID => true,
        _ => passing_of(type_oid).0 > 0,
    };
    if is_short && length > LONGEST {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
            format!("text is too long for type {}", type_name(type_oid)),
            format!("The text has {length} bytes."),
            &format!("Give a value of type {}.", type_name(type_oid)),
        );
    }
}
